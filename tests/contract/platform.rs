use addin_host::{CallError, Destroy, HostOptions, Library, Object};

use crate::shop::{PHONE, component, component_for, component_with, create, exception, library, sandbox, set_up, text};

/// Touches everything that allocates in the platform's memory.
fn exercise(object: &Object) {
    object.property_names();
    object.method_names();
    for property in ["ServerUrl", "Result", "Version", "ErrorDescription", "Response", "CardId"] {
        object.get(property).unwrap();
    }
    object.parameter_default("CreateCard", 0);
    let _ = object.function("CreateCard", &[]);
}

#[test]
fn nothing_is_leaked_or_freed_that_is_not_ours() {
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
fn a_host_may_give_nothing_for_an_empty_block() {
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

/// Every slot of the vtables that can panic at all, and what its caller sees.
#[test]
fn a_panic_becomes_an_exception_and_the_next_call_works() {
    let sandbox = sandbox();
    let library = Library::open(testkit::panic_library()).unwrap();
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
            description.contains("внутренняя ошибка") && description.contains("platform.rs"),
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
    assert_eq!(sandbox.card(&id).unwrap().get("NAME"), None, "values of before the panic are gone");
}

#[test]
fn the_library_under_test_cannot_be_made_to_panic() {
    let object = library().create("Passteam").unwrap();
    object.set_locale("panic:GetPropVal");
    assert!(object.get("CardId").is_ok());
}

/// macOS has neither way to see it.
#[cfg(any(windows, target_os = "linux"))]
mod unloading {
    use std::fs;
    use std::path::{Path, PathBuf};

    use addin_host::{Bundle, Library, THIS_ARCH, THIS_OS};

    /// A copy of the library under test that nothing else in this process has loaded.
    fn own_copy(folder: &Path) -> PathBuf {
        if let Some(mut bundle) = Bundle::open_if_zip(testkit::library()).unwrap() {
            let entry = bundle.entry_for(THIS_OS, THIS_ARCH).unwrap().clone();
            return bundle.unpack(&entry, folder).unwrap();
        }
        let copy = folder.join(testkit::library().file_name().unwrap());
        fs::copy(testkit::library(), &copy).unwrap();
        copy
    }

    /// Windows lets nobody delete a file that is mapped as code.
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
