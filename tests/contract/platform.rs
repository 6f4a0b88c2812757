use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use addin_host::{Bundle, CallError, Destroy, HostOptions, Library, Object, THIS_ARCH, THIS_OS, Value};
use addin_testkit::apart;
use addin_testkit::shop::{
    PHONE, ca_file, call, component, component_for, component_with, create, exception, library, sandbox, sandbox_with,
    set_up, text,
};
use passteam_sandbox::{Options, Tls};
use tempfile::TempDir;
use testkit::{Peer, Together, eventually, test_path};

/// Makes every kind of call that allocates in the platform's memory.
fn exercise(object: &Object) {
    object.property_names();
    object.method_names();
    for property in ["ServerUrl", "Result", "Version", "ErrorDescription", "Response", "CardId", "Unknown"] {
        object.get(property).unwrap();
    }
    object.get("RequestsPerMinute").unwrap();
    object.parameter_default("CreateCard", 0);
    object.parameter_default("GetCards", 1);
    let _ = object.function("CreateCard", &[]);
    let _ = object.function("CreateCards", &[r#"[{"key": "Ж"}, 5]"#.into()]);
    let _ = object.function("UpdateCards", &[r#"[{"cardId": "Ж"}, 5]"#.into()]);
    let _ = object.function("GetCards", &[]);
}

#[test]
fn nothing_is_leaked_and_nothing_foreign_is_freed() {
    for destroy in [Destroy::DestroyObject, Destroy::VirtualDestructor] {
        let sandbox = sandbox();
        let object = component_with(HostOptions { destroy, ..HostOptions::default() });
        exercise(&object);
        set_up(&object, &sandbox.url());
        create(&object, PHONE);
        exercise(&object);
        let misuse = object.misuse();
        assert_eq!((misuse.calls_outside, misuse.calls_after_done), (0, 0));
        let memory = object.destroy();
        assert_eq!(memory.live_blocks, 0, "{memory:?}");
        assert_eq!(memory.foreign_frees + memory.double_frees + memory.overruns, 0, "{memory:?}");
        assert!(memory.allocations > 0);
    }
}

#[test]
fn a_host_may_return_null_for_an_empty_block() {
    let object = component_with(HostOptions { zero_allocation_is_null: true, ..HostOptions::default() });
    assert_eq!(text(&object, "CardId"), "");
    assert_eq!(object.parameter_default("CreateCard", 0), Some("".into()));
}

#[test]
fn a_failed_allocation_is_an_exception_and_the_next_call_works() {
    let object = component();
    object.fail_all_allocations(true);
    exception(object.get("ServerUrl"));
    assert!(object.property_names().is_empty() || object.property_names().iter().all(|(en, _)| en.is_empty()));
    assert_eq!(object.parameter_default("CreateCard", 0), None);
    object.fail_all_allocations(false);
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
    assert_eq!(text(&object, "ServerUrl"), "https://getpass.passteam.ru/oapi/v1");
}

/// The work is done, but its result cannot be handed over: what the service has made is found there.
#[test]
fn a_result_that_the_host_has_no_memory_for_is_an_exception() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let card = create(&object, PHONE);
    let new = |number: usize| format!(r#"[{{"key": "1", "values": {{"PHONE": "+7900000000{number}"}}}}]"#);
    for number in 0..2 {
        let refuse = |refused: bool| {
            // Every allocation of a call is refused, or only its first one.
            if number == 0 { object.fail_all_allocations(refused) } else { object.fail_allocation(refused.into()) }
        };
        for (method, arguments) in [
            // No default value is left for the host to ask for.
            ("CreateCards", vec![Value::from(new(number)), 4.into(), 300.into()]),
            ("UpdateCards", vec![format!(r#"[{{"cardId": "{card}"}}]"#).into(), 4.into(), 300.into()]),
            ("GetCards", vec![1.into(), "".into()]),
        ] {
            refuse(true);
            let description = exception(object.function(method, &arguments));
            refuse(false);
            assert!(!description.is_empty(), "{method}");
            assert_eq!(text(&object, "ErrorKind"), "Misuse", "{method}");
        }
        refuse(true);
        exception(object.get("Result"));
        refuse(false);
        object.get("Unknown").unwrap();
    }
    assert_eq!(sandbox.cards().len(), 3);
    assert!(text(&object, "Result").contains("Misuse"));
    assert!(object.destroy().is_clean());
}

#[test]
fn an_object_may_move_to_another_thread() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    std::thread::spawn(move || create(&object, PHONE)).join().unwrap();
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn objects_do_not_share_settings_or_values() {
    let sandbox = sandbox();
    let (first, second) = (component_for(&sandbox.url()), component_for(&sandbox.url()));
    first.procedure("SetValue", &["NAME".into(), "первый".into()]).unwrap();
    let id = create(&second, PHONE);
    assert_eq!(sandbox.card(&id).unwrap().get("NAME"), None);
    assert_eq!(text(&first, "CardId"), "");
}

/// Every function of the vtables in which a panic is possible, and what its caller sees.
#[test]
fn a_panic_becomes_an_exception_and_the_next_call_works() {
    let sandbox = sandbox();
    let library = Library::open(addin_testkit::panic_library()).unwrap();
    let object = library.create("Passteam").unwrap();
    set_up(&object, &sandbox.url());
    object.procedure("SetValue", &["NAME".into(), "прежний покупатель".into()]).unwrap();

    let arm = |slot: &str| object.set_locale(&format!("panic:{slot}"));
    type Provoke<'a> = Box<dyn Fn() -> Result<(), CallError> + 'a>;
    let calls: [(&str, Provoke); 4] = [
        ("GetPropVal", Box::new(|| object.get("CardId").map(drop))),
        ("SetPropVal", Box::new(|| object.set("TemplateId", "x"))),
        ("CallAsProc", Box::new(|| object.procedure("ClearValues", &[]))),
        ("CallAsFunc", Box::new(|| object.function("UpdateCard", &["id".into()]).map(drop))),
    ];
    for (slot, provoke) in calls {
        arm(slot);
        let description = exception(provoke());
        assert!(
            description.contains("внутренняя ошибка") && description.contains("vtables.rs"),
            "{slot}: {description}"
        );
        assert!(!description.contains("provoked"), "a panic's own text may hold a customer's data: {description}");
        assert_eq!(text(&object, "ErrorKind"), "Misuse", "{slot}");
    }
    for (slot, provoke) in [
        ("FindProp", Box::new(|| assert_eq!(object.find_property("Token"), None)) as Box<dyn Fn()>),
        ("FindMethod", Box::new(|| assert_eq!(object.find_method("CreateCard"), None))),
        ("GetPropName", Box::new(|| assert_eq!(object.raw_property_name(0, 0), None))),
        ("GetMethodName", Box::new(|| assert_eq!(object.raw_method_name(0, 0), None))),
        ("GetNParams", Box::new(|| assert_eq!(object.raw_parameter_count(0), 0))),
        ("HasRetVal", Box::new(|| assert!(!object.raw_has_return_value(2)))),
        ("IsPropReadable", Box::new(|| assert!(!object.raw_is_readable(1)))),
        ("IsPropWritable", Box::new(|| assert!(!object.raw_is_writable(1)))),
        ("GetParamDefValue", Box::new(|| assert_eq!(object.raw_parameter_default(2, 0), None))),
    ] {
        arm(slot);
        provoke();
        object.take_errors();
    }

    set_up(&object, &sandbox.url());
    let id = create(&object, PHONE);
    assert_eq!(sandbox.card(&id).unwrap().get("NAME"), None, "values that were set before the panic are discarded");
}

#[test]
fn the_library_under_test_cannot_be_made_to_panic() {
    let object = library().create("Passteam").unwrap();
    object.set_locale("panic:GetPropVal");
    assert!(object.get("CardId").is_ok());
}

/// A copy of the library under test that nothing else in this process has loaded.
fn own_copy(folder: &Path) -> PathBuf {
    if let Some(mut bundle) = Bundle::open_if_zip(addin_testkit::library()).unwrap() {
        let entry = bundle.entry_for(THIS_OS, THIS_ARCH).unwrap().clone();
        return bundle.unpack(&entry, folder).unwrap();
    }
    let copy = folder.join(addin_testkit::library().file_name().unwrap());
    fs::copy(addin_testkit::library(), &copy).unwrap();
    copy
}

#[test]
fn a_library_with_a_temporary_name_in_a_folder_with_cyrillic_works() {
    // Clients of 1C unpack add-ins to such places.
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("Кэш компонент ёЁ 1С");
    fs::create_dir(&cache).unwrap();
    let path = cache.join("v8_A1B2.tmp");
    fs::rename(own_copy(folder.path()), &path).unwrap();
    let library = Library::open(&path).unwrap();
    let sandbox = sandbox();
    let object = library.create("Passteam").unwrap();
    set_up(&object, &sandbox.url());
    create(&object, PHONE);
    assert!(object.destroy().is_clean());
}

#[test]
fn several_copies_of_the_library_work_in_one_process() {
    let sandbox = sandbox();
    let folders: Vec<TempDir> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let libraries: Vec<Library> =
        folders.iter().map(|folder| Library::open(&own_copy(folder.path())).unwrap()).collect();
    let objects: Vec<Object> = libraries.iter().map(|library| library.create("Passteam").unwrap()).collect();
    for round in 0..3 {
        for (number, object) in objects.iter().enumerate() {
            set_up(object, &sandbox.url());
            create(object, &format!("+7900{round:03}{number:04}"));
            exception(object.function("UpdateCard", &["".into()]));
        }
    }
    assert_eq!(sandbox.cards().len(), 9);
    for object in objects {
        assert!(object.destroy().is_clean());
    }
}

#[test]
fn the_first_calls_of_eight_threads_succeed() {
    const THREADS: usize = 8;
    // In a process of its own, in which no call was made before.
    if apart::rerun(test_path!(the_first_calls_of_eight_threads_succeed), |_| {}).is_some() {
        return;
    }
    let sandbox = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let file = ca_file(&sandbox, folder.path());
    let (at_once, together) = (Barrier::new(THREADS), Together::of(THREADS));
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (sandbox, file, at_once, together) = (&sandbox, &file, &at_once, &together);
            scope.spawn(move || {
                let object = component_for(&sandbox.url());
                object.set("CertificateFile", file.as_str()).unwrap();
                // The first call reads the system's certificates.
                object.set("Timeout", 60).unwrap();
                at_once.wait();
                let _held = together.hold();
                create(&object, &format!("+7900000000{number}"));
            });
        }
    });
    assert_eq!(sandbox.cards().len(), THREADS);
}

#[test]
fn done_and_destroy_during_a_batch_are_survived() {
    let cards = serde_json::json!((0..20).map(|id| serde_json::json!({"cardId": id.to_string()})).collect::<Vec<_>>());
    let ways: [fn(&Object); 3] = [Object::done, Object::destroy_during_calls, Object::destroy_without_done];
    for (number, end) in ways.into_iter().enumerate() {
        for destroy in [Destroy::DestroyObject, Destroy::VirtualDestructor] {
            let peer = Peer::silent();
            let object = component_with(HostOptions { destroy, ..HostOptions::default() });
            set_up(&object, &peer.url());
            // Neither ends while this test runs.
            object.set("Timeout", 600).unwrap();
            thread::scope(|scope| {
                let batch =
                    scope.spawn(|| object.function("UpdateCards", &[cards.to_string().into(), 4.into(), 3600.into()]));
                eventually("the batch is under way", || peer.connections() > 0);
                end(&object);
                // It ends as a value or as an exception: nobody is left to read it.
                let _ = batch.join().expect("the call returns");
            });
            assert_eq!(object.misuse().calls_after_done, 0, "{number} {destroy:?}");
        }
    }
    let sandbox = sandbox();
    create(&component_for(&sandbox.url()), PHONE);
}

/// Some servers fork after they have loaded the component. The new process shares open connections and the journal with the first
/// one, and knows none of its threads.
#[cfg(target_os = "linux")]
#[test]
fn both_halves_of_a_process_that_forks_go_on() {
    use std::sync::atomic::{AtomicBool, Ordering};

    const ROUNDS: usize = 10;
    const URL: &str = "PASSTEAM_TEST_SERVICE";
    const FILE: &str = "PASSTEAM_TEST_CA_FILE";
    let (mut service, folder) = (None, tempfile::tempdir().unwrap());
    let output = apart::rerun(test_path!(both_halves_of_a_process_that_forks_go_on), |command| {
        // It stays in the process that does not fork.
        let sandbox = service.insert(sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() }));
        command.env(URL, sandbox.url()).env(FILE, ca_file(sandbox, folder.path()));
    });
    if output.is_some() {
        let requests = service.unwrap().requests();
        assert!(requests.iter().all(|request| request.complete), "no half has disturbed the other's connection");
        return;
    }
    let (url, file) = (std::env::var(URL).unwrap(), std::env::var(FILE).unwrap());
    let journal = folder.path().join("passteam.log");
    let object = || {
        let object = component_for(&url);
        object.set("CertificateFile", file.as_str()).unwrap();
        object.set("LogFile", journal.to_str().unwrap()).unwrap();
        object.set("Timeout", 60).unwrap();
        object
    };
    let (ours, others) = (object(), object());
    let card = create(&ours, PHONE);
    let updates = |object: &Object| {
        assert!(call(object, "UpdateCard", &[card.as_str().into()]), "{}", text(object, "Result"));
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Another thread is inside a call at most of the forks.
        let busy = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                updates(&others);
            }
        });
        for _ in 0..ROUNDS {
            let child = testkit::fork(|| {
                updates(&ours);
                updates(&object());
                let cards = format!(r#"[{{"cardId": "{card}"}}, {{"cardId": "x"}}]"#);
                ours.function("UpdateCards", &[cards.into()]).unwrap();
                assert_eq!(text(&ours, "ErrorKind"), "NotFound");
            });
            updates(&ours);
            let succeeds = child.succeeds();
            is_over.store(!succeeds, Ordering::SeqCst);
            assert!(succeeds, "the other half");
            updates(&ours);
        }
        is_over.store(true, Ordering::SeqCst);
        busy.join().unwrap();
    });
}

/// Not on macOS: it has neither of the two ways to see whether a library is mapped.
#[cfg(any(windows, target_os = "linux"))]
mod unloading {
    use std::fs;
    use std::path::Path;

    use addin_host::Library;

    use super::own_copy;

    /// Windows refuses to delete a file that is mapped as code.
    #[cfg(windows)]
    fn is_mapped(library: &Path) -> bool {
        fs::remove_file(library).is_err()
    }

    #[cfg(target_os = "linux")]
    fn is_mapped(library: &Path) -> bool {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.contains(library.canonicalize().unwrap().to_str().unwrap())
    }

    #[test]
    fn the_code_stays_for_a_helper_thread_that_may_still_run_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let copy = own_copy(folder.path());
        let library = Library::open(&copy).unwrap();
        drop(library.create("Passteam").unwrap());
        assert!(library.close());
        assert!(is_mapped(&copy));
    }
}
