use addin_testkit::shop::{call, library, set_up, text};
use testkit::{eventually, resolver, test_path};

use crate::alone::{HELD_NAME, alone};
use crate::process::{mappings, threads};

const LOADS: usize = 100;
/// The first loads create what the process keeps for good: the library's mappings and the heap.
const WARM_UP: usize = 10;

#[test]
fn a_hundred_loads_and_unloads_leave_nothing_behind() {
    alone(test_path!(a_hundred_loads_and_unloads_leave_nothing_behind), |world| {
        for _ in 0..WARM_UP {
            load_call_destroy_unload(&world.service);
        }
        let before = (threads(), mappings());
        for number in 1..=LOADS {
            load_call_destroy_unload(&world.service);
            assert_eq!((threads(), mappings()), before, "after {number} more loads");
        }
    });
}

#[test]
fn a_looked_up_name_leaves_no_thread_in_an_unloaded_library() {
    alone(test_path!(a_looked_up_name_leaves_no_thread_in_an_unloaded_library), |world| {
        let before = threads();
        for _ in 0..LOADS {
            load_call_destroy_unload(&world.service_by_name());
        }
        eventually("the look-up threads end", || threads() == before);
    });
}

#[test]
fn a_look_up_that_is_under_way_survives_its_library() {
    alone(test_path!(a_look_up_that_is_under_way_survives_its_library), |world| {
        let before = threads();
        let library = library();
        let object = library.create("Passteam").unwrap();
        set_up(&object, HELD_NAME);
        object.set("Timeout", 0.1).unwrap();
        // On a busy machine a deadline can pass before the look-up begins.
        while resolver::look_ups().is_empty() {
            assert!(!call(&object, "UpdateCard", &["id".into()]));
            assert_eq!(text(&object, "ErrorKind"), "Timeout");
        }
        assert!(object.destroy().is_clean());
        assert!(library.close());
        assert_ne!(threads(), before, "the look-up is still under way");
        resolver::release();
        eventually("the look-up ends", || threads() == before);
        load_call_destroy_unload(&world.service);
    });
}

fn load_call_destroy_unload(url: &str) {
    let library = library();
    let object = library.create("Passteam").unwrap();
    set_up(&object, url);
    assert!(!call(&object, "UpdateCard", &["unknown".into()]));
    assert_eq!(text(&object, "ErrorKind"), "NotFound", "{}", text(&object, "ErrorDescription"));
    assert!(object.destroy().is_clean());
    assert!(library.close());
}
