//! Every mode of the host, with an add-in in C++ that misbehaves on purpose (`fixture/addin.cpp`).

mod support;

use std::fs;
use std::thread;

use addin_host::{
    AllocationRefusal, Application, ApplicationKind, AttachError, CallError, Destroy, EventQueue, HostOptions, Library,
    Object, Tm, Value,
};
use support::{FIXTURE, NOT_AN_ADDIN, library, object, object_with};

fn journal(object: &Object) -> String {
    object.get("Journal").expect("the journal").as_str().expect("text")
}

/// The fixture has a journal for each thread, and the test runner may run several tests on one thread.
fn with_a_journal_of_its_own(test: fn()) {
    thread::spawn(test).join().expect("the test passes");
}

fn describe(object: &Object, value: Value) -> String {
    let described = object.raw_call(0, &[value], true).expect("a description");
    described.as_str().expect("text")
}

#[test]
fn a_library_says_what_it_exports() {
    let library = library();
    assert_eq!(library.class_names(), ["Fixture", "RefusesInit", "RefusesMemory", "RefusesName", "Ghost"]);
    assert_eq!(library.attach_type(), Some(3));
    // The fixture returns the argument of the call before, which `open` has made.
    assert_eq!(library.set_platform_capabilities(2), Some(3));
    assert_eq!(library.raw_get_class_object("Fixture"), 1);
    assert_eq!(library.raw_get_class_object("fixture"), 0);
}

#[test]
fn what_does_not_attach_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text.so");
    fs::write(&text, "not a library".repeat(100)).expect("a file");

    let refused = Library::open(&text).err().expect("a refusal");
    let AttachError::Load { path, message } = &refused else { panic!("{refused:?}") };
    assert_eq!(*path, text);
    #[cfg(target_os = "linux")]
    assert!(message.ends_with("invalid ELF header"), "{message}");
    assert!(!message.is_empty());
    assert!(refused.to_string().contains(message.as_str()));

    assert!(matches!(Library::open(&NOT_AN_ADDIN).err(), Some(AttachError::NotAnAddIn { missing: "GetClassObject" })));
    assert!(matches!(Library::open(&folder.path().join("none.so")).err(), Some(AttachError::Io(_))));
}

#[test]
fn a_class_that_refuses_says_why() {
    let library = library();
    let refusal = |class| library.create(class).err().expect("a refusal");
    assert!(matches!(refusal("RefusesMemory"), AttachError::MemoryManagerRefused));
    assert!(matches!(refusal("RefusesName"), AttachError::RegistrationRefused));
    let AttachError::InitRefused { errors } = refusal("RefusesInit") else { panic!("Init refuses") };
    assert_eq!(errors[0].description, "no licence");
    let AttachError::NoSuchClass { class, offered } = refusal("Ghost") else { panic!("there is no such class") };
    assert_eq!((class.as_str(), offered.len()), ("Ghost", 5));
}

#[test]
fn an_object_is_set_up_and_taken_down_in_the_platforms_order() {
    with_a_journal_of_its_own(|| {
        let options = HostOptions {
            locale: Some("ru_RU".to_owned()),
            ui_language: Some("ru".to_owned()),
            ..HostOptions::default()
        };
        let first = object_with(options);
        assert_eq!((first.extension_name(), first.info()), ("FixtureExtension", 2000));
        let setup = "setMemManager Init RegisterExtensionAs SetLocale:ru_RU SetUserInterfaceLanguageCode:ru ";
        assert_eq!(journal(&first), setup);
        assert!(first.destroy().is_clean());

        let takedown = "Done DestroyObject destructor ";
        let second = object_with(HostOptions { init_first: true, ..HostOptions::default() });
        let second_setup = "Init setMemManager RegisterExtensionAs ";
        assert_eq!(journal(&second), format!("{setup}{takedown}{second_setup}"));
    });
}

#[test]
fn an_object_can_be_deleted_through_its_virtual_destructor() {
    let options = HostOptions { destroy: Destroy::VirtualDestructor, ..HostOptions::default() };
    assert!(object_with(options).destroy().is_clean());
    assert!(journal(&object()).contains("Done destructor setMemManager"));
}

#[test]
fn steps_of_the_set_up_can_be_left_out() {
    with_a_journal_of_its_own(|| {
        let object = object_with(HostOptions { skip_init: true, ..HostOptions::default() });
        assert_eq!(journal(&object), "setMemManager RegisterExtensionAs ");
        let object = object_with(HostOptions { skip_memory_manager: true, ..HostOptions::default() });
        assert_eq!(object.extension_name(), "");
        assert_eq!(object.get("Journal"), Err(CallError::Failed));
        assert_eq!(object.memory().allocations, 0);
    });
}

#[test]
fn members_are_found_under_both_names_and_by_any_index() {
    let object = object();
    let properties = object.property_names();
    assert_eq!(properties[1], ("Number".to_owned(), Some("Число".to_owned())));
    assert_eq!(properties.len(), 3);
    assert_eq!((object.find_property("Число"), object.find_property("Number")), (Some(1), Some(1)));
    assert_eq!((object.find_property("Нет"), object.raw_find_property("Нет")), (None, -1));

    let methods = object.method_names();
    assert_eq!(methods[0], ("Describe".to_owned(), Some("Описать".to_owned())));
    assert_eq!(methods.last(), Some(&("Status".to_owned(), None)));
    assert_eq!((object.find_method("Описать"), object.find_method("Нет")), (Some(0), None));
    assert_eq!(object.raw_find_method("Describe"), 0);

    assert_eq!(object.parameter_count("Describe"), 2);
    assert!(object.has_return_value("Describe") && !object.has_return_value("Leak"));
    assert_eq!(object.parameter_default("Describe", 0), None);
    assert_eq!(object.parameter_default("Describe", 1), Some(Value::from("default")));
    // A default that is left empty means required, even if the function returns true.
    assert_eq!(object.parameter_default("Outcome", 1), None);
    assert_eq!(object.raw_parameter_default(9, 1), Some(Value::Empty));

    for index in [-1, 1000, i32::MIN, i32::MAX] {
        assert_eq!(object.raw_property_name(index, 0), None);
        assert_eq!(object.raw_method_name(index, 1), None);
        assert_eq!(object.raw_method_name(0, index), None);
        assert_eq!(object.raw_parameter_count(index), -1);
        assert_eq!(object.raw_parameter_default(index, 0), None);
        assert!(!object.raw_has_return_value(index));
        assert!(!object.raw_is_readable(index) && !object.raw_is_writable(index));
        assert_eq!(object.raw_get(index), Err(CallError::Failed));
        assert_eq!(object.raw_set(index, Value::Empty), Err(CallError::Failed));
        assert_eq!(object.raw_call(index, &[], true), Err(CallError::Failed));
        assert_eq!(object.raw_call(index, &[], false), Err(CallError::Failed));
    }
    assert!(object.destroy().is_clean());
}

#[test]
fn a_property_is_read_and_written_if_it_may_be() {
    let object = object();
    assert_eq!(object.get("Число"), Ok(Value::I4(5)));
    assert_eq!(object.set("Number", 6), Ok(()));
    assert_eq!(object.get("Number"), Ok(Value::I4(6)));
    assert_eq!(object.set("Number", "six"), Err(CallError::Failed));
    assert_eq!(object.set("Секрет", "s"), Ok(()));
    assert_eq!(object.get("Секрет"), Err(CallError::NotReadable));
    assert_eq!(object.set("Journal", ""), Err(CallError::NotWritable));
    assert_eq!(object.get("Describe"), Err(CallError::NoSuchMember));
    assert!(object.is_readable("Journal") && !object.is_writable("Journal"));
    assert!(!object.is_readable("Secret") && object.is_writable("Secret"));
    assert!(!object.is_readable("Nothing") && !object.is_writable("Nothing"));
}

#[test]
fn parameters_left_out_are_filled_in_and_wrong_numbers_of_them_never_reach_the_add_in() {
    let object = object();
    let described = object.function("Описать", &[Value::Null]).expect("a description");
    let described = described.as_str().expect("text");
    assert!(described.starts_with("1:"), "{described}");
    let default = "640065006600610075006c007400";
    assert!(described.contains(&format!(";22:7:{default}")), "{described}");

    let before = journal(&object);
    assert_eq!(object.function("Describe", &[]), Err(CallError::TooFewParameters));
    assert_eq!(object.procedure("Outcome", &[Value::Bool(true)]), Err(CallError::TooFewParameters));
    let three = [Value::Null, Value::Null, Value::Null];
    assert_eq!(object.function("Describe", &three), Err(CallError::TooManyParameters));
    assert_eq!(object.function("Leak", &[Value::I4(0)]), Err(CallError::NoReturnValue));
    assert_eq!(object.procedure("Nothing", &[]), Err(CallError::NoSuchMember));
    assert_eq!(journal(&object), before);

    assert_eq!(object.procedure("Describe", &[Value::Null]), Ok(()));
    assert!(journal(&object).ends_with("CallAsProc "));
    assert!(object.raw_call(0, &three, true).is_ok());
    assert_eq!(object.raw_call(0, &[], true), Ok(Value::from("nothing")));
}

#[test]
fn every_type_reaches_the_add_in_as_it_is() {
    let object = object();
    let zeros = "0".repeat(32);
    let payload = |start: &str| format!("{start}{}", &zeros[start.len()..]);
    let rows = [
        (Value::Empty, format!("0:{zeros}")),
        (Value::Null, format!("1:{zeros}")),
        (Value::I2(-2), format!("2:{}", payload("feff"))),
        (Value::I4(-2), format!("3:{}", payload("feffffff"))),
        (Value::R4(1.5), format!("4:{}", payload("0000c03f"))),
        (Value::R8(2.5), format!("5:{}", payload("0000000000000440"))),
        (Value::Date(2.5), format!("6:{}", payload("0000000000000440"))),
        (Value::Tm(Tm::new(2024, 2, 29, 23, 59, 58)), "7:124-1-29 23:59:58".to_owned()),
        (Value::Interface(1), format!("9:{}", payload("01"))),
        (Value::Error(3), format!("10:{}", payload("03"))),
        (Value::Bool(true), format!("11:{}", payload("01"))),
        (Value::Variant(None), "12:null".to_owned()),
        (Value::Variant(Some(Box::new(Value::I4(1)))), format!("12:3:{}", payload("01"))),
        (Value::I1(-1), format!("13:{}", payload("ff"))),
        (Value::UI1(255), format!("14:{}", payload("ff"))),
        (Value::UI2(65535), format!("15:{}", payload("ffff"))),
        (Value::UI4(u32::MAX), format!("16:{}", payload("ffffffff"))),
        (Value::I8(i64::MIN), format!("17:{}", payload("0000000000000080"))),
        (Value::UI8(u64::MAX), format!("18:{}", payload("ffffffffffffffff"))),
        (Value::Int(-1), format!("19:{}", payload("ffffffff"))),
        (Value::Uint(1), format!("20:{}", payload("01"))),
        (Value::Hresult(5), format!("21:{}", payload("05"))),
        (Value::Clsid([7; 16]), format!("24:{}", "07".repeat(16))),
        (Value::Other { vt: 0x2016, bytes: [8; 16] }, format!("8214:{}", "08".repeat(16))),
        (Value::Other { vt: 0xffff, bytes: [0; 16] }, format!("65535:{zeros}")),
    ];
    for (value, expected) in rows {
        assert_eq!(describe(&object, value.clone()), expected, "{value:?}");
    }
    assert!(object.destroy().is_clean());
}

#[test]
fn what_stands_behind_the_end_of_a_string_is_not_a_nul() {
    let object = object();
    assert_eq!(describe(&object, Value::from("aя")), "22:2:61004f044a00");
    assert_eq!(describe(&object, Value::String(vec![0xD800])), "22:1:00d84a00");
    assert_eq!(describe(&object, Value::from("")), "22:0:4a00");
    assert_eq!(describe(&object, Value::Pstr(b"a".to_vec())), "8:1:614a");
    assert_eq!(describe(&object, Value::Blob(vec![0, 1])), "23:2:00014a");
}

#[test]
fn an_empty_string_is_a_null_pointer_if_the_host_is_of_that_kind() {
    let object = object_with(HostOptions { null_empty_strings: true, ..HostOptions::default() });
    assert_eq!(describe(&object, Value::from("")), "22:0:null");
    assert_eq!(describe(&object, Value::Pstr(Vec::new())), "8:0:null");
    assert_eq!(describe(&object, Value::from("a")), "22:1:61004a00");
    assert_eq!(describe(&object, Value::NullString { len: 5 }), "22:5:null");
}

#[test]
fn every_type_comes_back_as_it_is() {
    let object = object();
    let rows = [
        (0, Value::Empty),
        (1, Value::Null),
        (2, Value::I2(-2)),
        (3, Value::I4(-4)),
        (4, Value::R4(1.5)),
        (5, Value::R8(2.5)),
        (6, Value::Date(2.5)),
        (7, Value::Tm(Tm::new(2024, 2, 29, 0, 0, 0))),
        (8, Value::Pstr(b"a\0b".to_vec())),
        (10, Value::Error(-4)),
        // Any byte but zero is true.
        (11, Value::Bool(true)),
        (12, Value::Variant(None)),
        (13, Value::I1(-1)),
        (14, Value::UI1(255)),
        (15, Value::UI2(65535)),
        (16, Value::UI4(u32::MAX)),
        (17, Value::I8(i64::MIN)),
        (18, Value::UI8(u64::MAX)),
        (19, Value::Int(-4)),
        (20, Value::Uint(u32::MAX)),
        (21, Value::Hresult(7)),
        (22, Value::from("wide")),
        (23, Value::Blob(b"a\0b".to_vec())),
        (24, Value::Clsid([9; 16])),
        (0x2016, Value::Other { vt: 0x2016, bytes: [9; 16] }),
    ];
    for (vt, expected) in rows {
        assert_eq!(object.function("Sample", &[Value::I4(vt)]), Ok(expected), "{vt}");
    }
    assert!(object.destroy().is_clean());
}

#[test]
fn a_string_of_megabytes_goes_both_ways() {
    let object = object();
    let described = describe(&object, Value::from("я".repeat(1 << 20)));
    assert_eq!(described, format!("22:1048576:{}4a00", "4f04".repeat(1 << 20)));
    assert_eq!(object.memory().largest_allocation, (described.len() + 1) * 2);
    assert!(object.destroy().is_clean());
}

#[test]
fn parameters_that_the_add_in_writes_come_back_and_their_memory_is_freed() {
    let object = object();
    let method = object.raw_find_method("WriteParameters");
    let mut parameters = [Value::from("before"), Value::from("before")];
    assert_eq!(object.raw_call_in_place(method, &mut parameters, false), Ok(Value::Empty));
    assert_eq!(parameters, [Value::from("written"), Value::I4(7)]);

    let mut untouched = [Value::from("same"), Value::R8(1.0)];
    object.raw_call_in_place(0, &mut untouched, true).expect("a description");
    assert_eq!(untouched, [Value::from("same"), Value::R8(1.0)]);
    assert!(object.destroy().is_clean());
}

#[test]
fn a_leaked_block_is_counted_when_the_object_is_gone() {
    let object = object();
    assert_eq!(object.memory().live_blocks, 0);
    assert_eq!(object.procedure("Leak", &[Value::I4(100)]), Ok(()));
    let report = object.destroy();
    assert_eq!((report.live_blocks, report.live_bytes), (1, 100));
    assert!(!report.is_clean());
}

#[test]
fn what_the_add_in_frees_wrongly_is_counted_and_does_no_harm() {
    let object = object();
    for (method, count) in [("FreeForeign", 2), ("FreeTwice", 3)] {
        for _ in 0..count {
            assert_eq!(object.procedure(method, &[]), Ok(()));
        }
    }
    let report = object.destroy();
    assert_eq!((report.foreign_frees, report.double_frees, report.live_blocks), (2, 3, 0));
}

#[test]
fn writing_past_the_end_of_a_block_is_counted() {
    let object = object();
    assert_eq!(object.procedure("Overrun", &[]), Ok(()));
    assert_eq!(object.memory().overruns, 1);
}

#[test]
fn a_string_in_memory_of_the_wrong_kind_is_counted_and_read_as_far_as_it_goes() {
    let object = object();
    assert_eq!(object.function("ReturnStatic", &[]), Ok(Value::from("static")));
    assert_eq!(object.memory().foreign_frees, 1);
    assert_eq!(object.function("ReturnOverlong", &[]), Ok(Value::from("ab\0")));
    assert_eq!(object.memory().overlong_values, 1);
    assert_eq!(object.function("ReturnFreed", &[]), Ok(Value::from("")));
    assert_eq!(object.memory().double_frees, 1);
}

/// How the fixture reports an allocation: 1 succeeded, 2 the pointer is null, 4 the pointer is unchanged.
fn allocate(object: &Object, size: i32) -> i32 {
    match object.function("Allocate", &[Value::I4(size)]) {
        Ok(Value::I4(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_allocation_fails_when_it_is_told_to() {
    let object = object();
    object.fail_allocation(2);
    assert_eq!([allocate(&object, 1), allocate(&object, 1), allocate(&object, 1)], [1, 2, 1]);
    object.fail_all_allocations(true);
    assert_eq!([allocate(&object, 1), allocate(&object, 1)], [2, 2]);
    assert_eq!(object.get("Journal"), Err(CallError::Failed));
    object.fail_all_allocations(false);
    assert_eq!(allocate(&object, 1), 1);
    assert_eq!(object.memory().refused_allocations, 4);

    let untouched = HostOptions { allocation_refusal: AllocationRefusal::Untouched, ..HostOptions::default() };
    let object = object_with(untouched);
    object.fail_allocation(1);
    assert_eq!([allocate(&object, 1), allocate(&object, 1)], [4, 1]);
}

#[test]
fn no_bytes_are_allocated_unless_the_host_gives_null_for_them() {
    let plain = object();
    assert_eq!(allocate(&plain, 0), 1);
    assert_eq!(plain.memory().zero_allocations, 1);
    let other = object_with(HostOptions { zero_allocation_is_null: true, ..HostOptions::default() });
    assert_eq!((allocate(&other, 0), allocate(&other, 1)), (2, 1));
}

/// A call that returns `result`, after raising errors with `scode` if there is one.
fn outcome(object: &Object, result: bool, scode: Option<i32>) -> Result<Value, CallError> {
    object.function("Outcome", &[Value::Bool(result), scode.map_or(Value::Empty, Value::I4)])
}

#[test]
fn a_call_raises_what_the_add_in_said_last_whatever_it_returned() {
    let object = object();
    assert_eq!(outcome(&object, true, None), Ok(Value::I4(1)));
    assert_eq!(outcome(&object, false, None), Err(CallError::Failed));
    for result in [true, false] {
        let Err(CallError::Raised(error)) = outcome(&object, result, Some(1)) else { panic!("an exception") };
        assert_eq!((error.wcode, error.scode), (1006, 1));
        assert_eq!(error.to_string(), "Fixture: не вышло");
    }
    // A code of zero is a message, not an exception.
    assert_eq!(outcome(&object, true, Some(0)), Ok(Value::I4(1)));
    assert_eq!(outcome(&object, false, Some(0)), Err(CallError::Failed));
    assert_eq!(object.errors().len(), 8);
    assert_eq!(object.take_errors().len(), 8);
    assert_eq!(object.errors(), []);
    // The exception of one call is not that of the next.
    assert_eq!(object.get("Number"), Ok(Value::I4(5)));
    assert!(object.misuse().is_clean());
}

#[test]
fn the_event_queue_is_as_deep_as_the_platforms_and_drops_what_does_not_fit() {
    let object = object();
    let send = |count| object.function("SendEvents", &[Value::I4(count)]);
    assert_eq!(send(3), Ok(Value::I4(1)));
    let events = object.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!([&event.source, &event.message, &event.data], ["Fixture", "Event", "0"]);
    assert_eq!(object.function("SetDepth", &[Value::I4(3)]), Ok(Value::I4(3)));
    assert_eq!(send(3), Ok(Value::I4(2)));
    assert_eq!(object.take_events().len(), 3);
    assert_eq!(send(9), Ok(Value::I4(3)));
    assert_eq!(object.procedure("CleanEvents", &[]), Ok(()));
    assert_eq!(object.events(), []);
    assert_eq!(object.function("SetDepth", &[Value::I4(-1)]), Ok(Value::I4(-1)));

    let server = EventQueue { accepts: false, depth: 10 };
    let object = object_with(HostOptions { event_queue: server, ..HostOptions::default() });
    assert_eq!(object.function("SendEvents", &[Value::I4(3)]), Ok(Value::I4(0)));
}

#[test]
fn calls_of_the_connection_at_forbidden_times_are_counted() {
    let owner = object();
    let monitor = owner.monitor();
    owner.procedure("Remember", &[]).expect("remembered");
    owner.procedure("CallFromThread", &[]).expect("called");
    let misuse = owner.misuse();
    assert_eq!((misuse.calls_from_other_threads, misuse.calls_outside, misuse.calls_after_done), (1, 0, 0));
    assert_ne!(misuse.threads, [thread::current().id()]);

    let other = object();
    other.procedure("UseRemembered", &[]).expect("not its own error");
    assert_eq!(owner.misuse().calls_outside, 1);
    assert!(owner.misuse().threads.contains(&thread::current().id()));
    assert_eq!(owner.get("Number"), Ok(Value::I4(5)), "an error from outside raises in no call");

    drop(owner);
    other.procedure("UseRemembered", &[]).expect("not its own error");
    assert_eq!(monitor.misuse().calls_after_done, 1);
    assert_eq!(monitor.errors().len(), 3);
    assert!(other.misuse().is_clean());
}

#[test]
fn the_add_in_is_told_where_it_runs() {
    let interfaces = |options| {
        let object = object_with(options);
        let told = object.function("Interfaces", &[]).expect("interfaces");
        assert_eq!(object.dialogs(), ["alert", "confirm"]);
        told.as_str().expect("text")
    };
    let server = Application { version: "8.3.27.1".to_owned(), kind: ApplicationKind::Server };
    let isolated = HostOptions { application: server, isolated: true, ..HostOptions::default() };
    assert_eq!(interfaces(isolated), "8.3.27.1,3,0,1,1");
    assert!(interfaces(HostOptions::default()).ends_with(",0,1,1,1"));
}

#[test]
fn the_status_line_holds_what_was_set_last() {
    let object = object();
    object.procedure("Status", &[Value::from("Идёт обмен")]).expect("set");
    assert_eq!(object.status_line().as_deref(), Some("Идёт обмен"));
    object.procedure("Status", &[Value::Empty]).expect("reset");
    assert_eq!(object.status_line(), None);
}

#[test]
fn an_object_may_be_called_from_another_thread() {
    let object = object();
    let report = thread::spawn(move || {
        assert_eq!(object.get("Number"), Ok(Value::I4(5)));
        assert!(object.misuse().is_clean());
        object.destroy()
    });
    assert!(report.join().expect("no panic").is_clean());
}

#[test]
fn threads_that_call_one_object_at_once_get_their_own_errors() {
    let object = object();
    thread::scope(|scope| {
        for number in 0..4 {
            let object = &object;
            scope.spawn(move || {
                for _ in 0..100 {
                    match number % 2 {
                        0 => assert_eq!(outcome(object, true, None), Ok(Value::I4(1))),
                        _ => assert!(matches!(outcome(object, true, Some(1)), Err(CallError::Raised(_)))),
                    }
                }
            });
        }
    });
    assert!(object.misuse().is_clean(), "{:?}", object.misuse());
    object.done();
    assert!(object.destroy().is_clean());
}

#[test]
fn one_library_serves_many_threads() {
    let library = library();
    thread::scope(|scope| {
        for number in 0..4 {
            let library = &library;
            scope.spawn(move || {
                let object = library.create("Fixture").expect("an object");
                for step in 0..100 {
                    object.set("Number", number + step).expect("written");
                    assert_eq!(object.get("Number"), Ok(Value::I4(number + step)));
                }
                assert!(object.destroy().is_clean());
            });
        }
    });
}

#[test]
fn a_library_is_unloaded_when_nothing_holds_it_and_can_be_loaded_again() {
    let library = library();
    let object = library.create("Fixture").expect("an object");
    assert!(!library.clone().close());
    assert!(!library.close());
    drop(object);
    for _ in 0..3 {
        let library = Library::open(&FIXTURE).expect("it loads again");
        assert!(library.create("Fixture").expect("an object").destroy().is_clean());
        assert!(library.close());
    }
}
