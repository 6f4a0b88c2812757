//! The function tables of the object's interfaces: each function reads what the platform passes, calls the component inside a
//! guard, and writes the answer back. No member is known here by name.

#![allow(unsafe_code)]

use std::ffi::{c_long, c_void};
use std::ptr;
use std::sync::Arc;
#[cfg(passteam_test_panic)]
use std::sync::PoisonError;

use super::destructor;
use super::guard::{catch, silence_panics, take_panic_place};
use super::host::{CLASS_NAME, Connection, MemoryManager};
use super::object::{self, Object, interface, state_of};
use super::process::{keep_mapped, library_file, system_version};
use super::state::State;
use crate::arguments::{DefaultValue, Platform};
use crate::component::Component;
use crate::language::Language;
use crate::local_time;
use crate::members::{self, METHODS, PROPERTIES};
use crate::messages;
use crate::misuse::{Misuse, Problem};
use crate::value::{Argument, Returned};
use crate::variant::{Variant, read_name};

/// `GetInfo`: version 2 of the technology.
const TECHNOLOGY_VERSION: c_long = 2000;

/// Makes an object of the class; null for any other name.
pub fn create(class: &str) -> *mut Object {
    if class != CLASS_NAME {
        return ptr::null_mut();
    }
    silence_panics();
    keep_mapped();
    read_environment();
    let mut tables = [ptr::null(); 4];
    tables[interface::INIT_DONE] = ptr::from_ref(&INIT_DONE).cast();
    tables[interface::LANGUAGE_EXTENDER] = ptr::from_ref(&LANGUAGE_EXTENDER).cast();
    tables[interface::LOCALE] = ptr::from_ref(&LOCALE).cast();
    tables[interface::USER_LANGUAGE] = ptr::from_ref(&USER_LANGUAGE).cast();
    // SAFETY: each table is static and the one of its interface.
    unsafe { object::create(tables) }
}

/// Later a host may change its environment, and reading it meanwhile ends the process.
fn read_environment() {
    passteam_client::transport::read_environment();
    local_time::read_environment();
}

/// Runs one call of an object. After a panic the object recovers and the call returns `fallback`. `slot` is the method's
/// name in the official header.
fn guard_call<R>(state: Option<Arc<State>>, slot: &str, fallback: R, body: impl FnOnce(&State) -> R) -> R {
    let Some(state) = state.as_deref() else { return fallback };
    let outcome = catch(|| {
        provoke_panic(state, slot);
        body(state)
    });
    outcome.unwrap_or_else(|| {
        catch(|| state.recover());
        fallback
    })
}

#[cfg(not(passteam_test_panic))]
fn provoke_panic(_: &State, _: &str) {}

/// `SetLocale("panic:SLOT")` makes the next call of that slot panic, once.
#[cfg(passteam_test_panic)]
fn provoke_panic(state: &State, slot: &str) {
    let mut armed = state.panic_in.lock().unwrap_or_else(PoisonError::into_inner);
    if *armed == slot {
        armed.clear();
        drop(armed);
        let _locked = state.component.properties();
        panic!("provoked by passteam_test_panic in {slot}");
    }
}

#[repr(C)]
struct InitDoneTable {
    destructors: destructor::Slots,
    init: unsafe extern "system" fn(*mut c_void, *mut Connection) -> bool,
    set_mem_manager: unsafe extern "system" fn(*mut c_void, *mut MemoryManager) -> bool,
    get_info: unsafe extern "system" fn(*mut c_void) -> c_long,
    done: unsafe extern "system" fn(*mut c_void),
}

static INIT_DONE: InitDoneTable = InitDoneTable {
    destructors: destructor::slots::<{ interface::INIT_DONE }>(),
    init,
    set_mem_manager,
    get_info,
    done,
};

#[repr(C)]
struct LanguageExtenderTable {
    destructors: destructor::Slots,
    register_extension_as: unsafe extern "system" fn(*mut c_void, *mut *const u16) -> bool,
    get_n_props: unsafe extern "system" fn(*mut c_void) -> c_long,
    find_prop: unsafe extern "system" fn(*mut c_void, *const u16) -> c_long,
    get_prop_name: unsafe extern "system" fn(*mut c_void, c_long, c_long) -> *const u16,
    get_prop_val: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant) -> bool,
    set_prop_val: unsafe extern "system" fn(*mut c_void, c_long, *const Variant) -> bool,
    is_prop_readable: unsafe extern "system" fn(*mut c_void, c_long) -> bool,
    is_prop_writable: unsafe extern "system" fn(*mut c_void, c_long) -> bool,
    get_n_methods: unsafe extern "system" fn(*mut c_void) -> c_long,
    find_method: unsafe extern "system" fn(*mut c_void, *const u16) -> c_long,
    get_method_name: unsafe extern "system" fn(*mut c_void, c_long, c_long) -> *const u16,
    get_n_params: unsafe extern "system" fn(*mut c_void, c_long) -> c_long,
    get_param_def_value: unsafe extern "system" fn(*mut c_void, c_long, c_long, *mut Variant) -> bool,
    has_ret_val: unsafe extern "system" fn(*mut c_void, c_long) -> bool,
    call_as_proc: unsafe extern "system" fn(*mut c_void, c_long, *const Variant, c_long) -> bool,
    call_as_func: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant, *const Variant, c_long) -> bool,
}

static LANGUAGE_EXTENDER: LanguageExtenderTable = LanguageExtenderTable {
    destructors: destructor::slots::<{ interface::LANGUAGE_EXTENDER }>(),
    register_extension_as,
    get_n_props,
    find_prop,
    get_prop_name,
    get_prop_val,
    set_prop_val,
    is_prop_readable,
    is_prop_writable,
    get_n_methods,
    find_method,
    get_method_name,
    get_n_params,
    get_param_def_value,
    has_ret_val,
    call_as_proc,
    call_as_func,
};

#[repr(C)]
struct LocaleTable {
    destructors: destructor::Slots,
    set_locale: unsafe extern "system" fn(*mut c_void, *const u16),
}

static LOCALE: LocaleTable = LocaleTable { destructors: destructor::slots::<{ interface::LOCALE }>(), set_locale };

#[repr(C)]
struct UserLanguageTable {
    destructors: destructor::Slots,
    set_user_interface_language_code: unsafe extern "system" fn(*mut c_void, *const u16),
}

static USER_LANGUAGE: UserLanguageTable = UserLanguageTable {
    destructors: destructor::slots::<{ interface::USER_LANGUAGE }>(),
    set_user_interface_language_code,
};

// In every function below `this` is the address of the interface's pointer, because the platform calls through the tables above.

unsafe extern "system" fn init(this: *mut c_void, connection: *mut Connection) -> bool {
    // SAFETY: see above.
    let state = unsafe { state_of::<{ interface::INIT_DONE }>(this) };
    guard_call(state, "Init", false, |state| {
        // SAFETY: the platform keeps the connection until `Done`.
        unsafe { state.host.set_connection(connection) };
        !connection.is_null()
    })
}

unsafe extern "system" fn set_mem_manager(this: *mut c_void, memory: *mut MemoryManager) -> bool {
    // SAFETY: see above.
    let state = unsafe { state_of::<{ interface::INIT_DONE }>(this) };
    guard_call(state, "setMemManager", false, |state| {
        // SAFETY: the platform gives the manager for the object's lifetime.
        unsafe { state.host.set_memory(memory) };
        !memory.is_null()
    })
}

unsafe extern "system" fn get_info(_: *mut c_void) -> c_long {
    TECHNOLOGY_VERSION
}

unsafe extern "system" fn done(this: *mut c_void) {
    // SAFETY: see above.
    let state = unsafe { state_of::<{ interface::INIT_DONE }>(this) };
    guard_call(state, "Done", (), State::end);
}

unsafe extern "system" fn register_extension_as(this: *mut c_void, name: *mut *const u16) -> bool {
    extender(this, "RegisterExtensionAs", false, |state| {
        let own = state.host.name(CLASS_NAME);
        if name.is_null() || own.is_null() {
            return false;
        }
        // SAFETY: not null, and the platform passes the address of a pointer.
        unsafe { *name = own };
        true
    })
}

unsafe extern "system" fn get_n_props(_: *mut c_void) -> c_long {
    PROPERTIES.len() as c_long
}

unsafe extern "system" fn find_prop(this: *mut c_void, name: *const u16) -> c_long {
    // SAFETY: the platform passes names that end with a NUL.
    extender(this, "FindProp", -1, |_| index_or_minus_one(unsafe { read_name(name) }.and_then(members::find_property)))
}

unsafe extern "system" fn get_prop_name(this: *mut c_void, index: c_long, alias: c_long) -> *const u16 {
    extender(this, "GetPropName", ptr::null(), |state| {
        at(&PROPERTIES, index)
            .and_then(|property| property.names.alias(usize::try_from(alias).ok()?))
            .map_or(ptr::null(), |name| state.host.name(name))
    })
}

unsafe extern "system" fn get_prop_val(this: *mut c_void, index: c_long, value: *mut Variant) -> bool {
    extender(this, "GetPropVal", false, |state| {
        state.with_component(|component| give(state, members::get(component, position(index))?, value))
    })
}

unsafe extern "system" fn set_prop_val(this: *mut c_void, index: c_long, value: *const Variant) -> bool {
    extender(this, "SetPropVal", false, |state| {
        // SAFETY: the platform passes a variant that it has filled.
        let value = unsafe { Variant::read(value) };
        state.with_component(|component| members::set(component, position(index), &value))
    })
}

unsafe extern "system" fn is_prop_readable(this: *mut c_void, index: c_long) -> bool {
    extender(this, "IsPropReadable", false, |_| at(&PROPERTIES, index).is_some_and(|property| property.get.is_some()))
}

unsafe extern "system" fn is_prop_writable(this: *mut c_void, index: c_long) -> bool {
    extender(this, "IsPropWritable", false, |_| at(&PROPERTIES, index).is_some_and(|property| property.set.is_some()))
}

unsafe extern "system" fn get_n_methods(_: *mut c_void) -> c_long {
    METHODS.len() as c_long
}

unsafe extern "system" fn find_method(this: *mut c_void, name: *const u16) -> c_long {
    // SAFETY: the platform passes names that end with a NUL.
    extender(this, "FindMethod", -1, |_| index_or_minus_one(unsafe { read_name(name) }.and_then(members::find_method)))
}

unsafe extern "system" fn get_method_name(this: *mut c_void, index: c_long, alias: c_long) -> *const u16 {
    extender(this, "GetMethodName", ptr::null(), |state| {
        at(&METHODS, index)
            .and_then(|method| method.names.alias(usize::try_from(alias).ok()?))
            .map_or(ptr::null(), |name| state.host.name(name))
    })
}

unsafe extern "system" fn get_n_params(this: *mut c_void, index: c_long) -> c_long {
    extender(this, "GetNParams", 0, |_| at(&METHODS, index).map_or(0, |method| method.parameters.len() as c_long))
}

unsafe extern "system" fn get_param_def_value(
    this: *mut c_void,
    method: c_long,
    parameter: c_long,
    value: *mut Variant,
) -> bool {
    extender(this, "GetParamDefValue", false, |state| {
        let default = at(&METHODS, method)
            .and_then(|method| at(method.parameters, parameter))
            .and_then(|parameter| parameter.default);
        // A required parameter has no default: the variant is left empty, by which hosts recognize it.
        let filled = give(state, default.map_or(Returned::Undefined, DefaultValue::value), value);
        default.is_some() && filled.is_ok()
    })
}

unsafe extern "system" fn has_ret_val(this: *mut c_void, index: c_long) -> bool {
    extender(this, "HasRetVal", false, |_| at(&METHODS, index).is_some_and(|method| method.returns))
}

unsafe extern "system" fn call_as_proc(
    this: *mut c_void,
    index: c_long,
    parameters: *const Variant,
    count: c_long,
) -> bool {
    extender(this, "CallAsProc", false, |state| {
        // SAFETY: the platform passes as many variants as it says.
        let arguments = unsafe { read_arguments(parameters, count) };
        state.with_component(|component| call(state, component, index, &arguments).map(drop))
    })
}

unsafe extern "system" fn call_as_func(
    this: *mut c_void,
    index: c_long,
    returned: *mut Variant,
    parameters: *const Variant,
    count: c_long,
) -> bool {
    extender(this, "CallAsFunc", false, |state| {
        // SAFETY: the platform passes as many variants as it says.
        let arguments = unsafe { read_arguments(parameters, count) };
        state.with_component(|component| {
            let given = give(state, call(state, component, index, &arguments)?, returned);
            if is_raising(index) { given } else { given.or_else(|_| give(state, Returned::Undefined, returned)) }
        })
    })
}

unsafe extern "system" fn set_locale(this: *mut c_void, locale: *const u16) {
    // SAFETY: see above.
    let state = unsafe { state_of::<{ interface::LOCALE }>(this) };
    guard_call(state, "SetLocale", (), |state| {
        // SAFETY: the platform passes a code that ends with a NUL.
        let Some(code) = unsafe { read_name(locale) }.map(String::from_utf16_lossy) else { return };
        #[cfg(passteam_test_panic)]
        if let Some(slot) = code.strip_prefix("panic:") {
            slot.clone_into(&mut state.panic_in.lock().unwrap_or_else(PoisonError::into_inner));
            return;
        }
        state.locale.set(Language::from_code(&code));
    });
}

unsafe extern "system" fn set_user_interface_language_code(this: *mut c_void, language: *const u16) {
    // SAFETY: see above.
    let state = unsafe { state_of::<{ interface::USER_LANGUAGE }>(this) };
    guard_call(state, "SetUserInterfaceLanguageCode", (), |state| {
        // SAFETY: the platform passes a code that ends with a NUL.
        if let Some(code) = unsafe { read_name(language) } {
            state.user_language.set(Language::from_code(&String::from_utf16_lossy(code)));
        }
    });
}

/// A call through `ILanguageExtenderBase`.
fn extender<R>(this: *mut c_void, slot: &str, fallback: R, body: impl FnOnce(&State) -> R) -> R {
    // SAFETY: only the functions of `LANGUAGE_EXTENDER` come here, with the `this` that the platform gave them.
    let state = unsafe { state_of::<{ interface::LANGUAGE_EXTENDER }>(this) };
    guard_call(state, slot, fallback, body)
}

/// The variants of a call.
///
/// # Safety
/// `parameters` is null or points to `count` variants as [`Variant::read`] requires.
unsafe fn read_arguments(parameters: *const Variant, count: c_long) -> Vec<Argument> {
    let count = if parameters.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
    // SAFETY: the caller guarantees the array.
    (0..count).map(|index| unsafe { Variant::read(parameters.add(index)) }).collect()
}

/// Calls a method of the component. One that never raises returns the text of what another would raise.
fn call(state: &State, component: &Component, index: c_long, arguments: &[Argument]) -> Result<Returned, Misuse> {
    let platform = Platform {
        language: state.language(),
        notify: &|name, data| state.host.external_event(name, data),
        is_isolated: &|| state.host.is_isolated(),
        library_file: &library_file,
        system_version: &system_version,
    };
    let call = || members::call(component, position(index), arguments, &platform);
    if is_raising(index) {
        return call();
    }
    let ended = catch(call).unwrap_or_else(|| Err(Misuse::component(Problem::Internal { place: take_panic_place() })));
    Ok(ended.unwrap_or_else(|misuse| Returned::Text(messages::misuse(&misuse, state.language()).to_string())))
}

/// Whether a method may end in a BSL exception.
fn is_raising(index: c_long) -> bool {
    at(&METHODS, index).is_none_or(|method| method.raises)
}

/// Writes a value into the platform's variant.
fn give(state: &State, value: Returned, target: *mut Variant) -> Result<(), Misuse> {
    if target.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and the platform passes a variant to be filled; `allocate` gives what its doc says.
    unsafe { Variant::write(target, &value, |bytes| state.host.allocate(bytes)) }
        .map_err(|_| Misuse::component(Problem::OutOfMemory))
}

fn at<T>(table: &'static [T], index: c_long) -> Option<&'static T> {
    usize::try_from(index).ok().and_then(|index| table.get(index))
}

/// An index for [`members`], which refuses one that no member has.
fn position(index: c_long) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn index_or_minus_one(index: Option<usize>) -> c_long {
    index.map_or(-1, |index| index as c_long)
}
