//! The platform's side: the object's vtables, the memory manager, `AddError`, the guard against panics.
//!
//! From `addin1c` come its 1C strings (`CString1C`), attach types and the connection's events, which are sound. Our own are the vtables (those
//! of `addin1c` have null destructors, which a host that does `delete component` jumps to), `AddError` (private there),
//! allocation (an empty string asks it for zero bytes) and the variants (see `value`).
//!
//! Layouts follow the official headers `ComponentBase.h`, `AddInDefBase.h` and `IMemoryManager.h`.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{c_long, c_ulong, c_ushort, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use addin1c::CString1C;

use crate::component::Component;
use crate::members::{self, METHODS, PROPERTIES};
use crate::messages::{Language, Misuse, Problem};
use crate::value::{Argument, Value, Variant, write_text};

/// The class: what `GetClassNames` offers and `RegisterExtensionAs` answers.
pub const CLASS_NAME: &str = "Passteam";
/// `GetInfo`: version 2 of the technology.
const TECHNOLOGY_VERSION: c_long = 2000;
/// `ADDIN_E_FAIL` of `types.h`: a failure without a message box.
const ADDIN_E_FAIL: c_ushort = 1006;
/// `E_FAIL`; any code that is not zero makes the platform raise an exception.
const E_FAIL: c_long = 0x8000_4005_u32 as c_long;

/// How many events may wait in the platform's queue, which is one deep unless raised.
const EVENT_QUEUE: c_long = 16;

/// The object that the platform holds: `IComponentBase`, four interfaces one after the other, then our state.
#[repr(C)]
pub struct Object {
    init_done: *const InitDoneTable,
    language_extender: *const LanguageExtenderTable,
    locale: *const LocaleTable,
    user_language: *const UserLanguageTable,
    state: State,
}

/// What is behind the interfaces. The platform may call from several threads, so everything here is shared.
struct State {
    memory: AtomicPtr<MemoryManager>,
    connection: AtomicPtr<Connection>,
    event_queue_raised: AtomicBool,
    locale: LanguageCell,
    user_language: LanguageCell,
    component: Mutex<Component>,
    /// The thread that is inside `component`, as [`this_thread`] tells; 0 for none.
    occupant: AtomicUsize,
    #[cfg(passteam_test_panic)]
    panic_in: Mutex<String>,
}

/// A language that the platform may have set.
#[derive(Default)]
struct LanguageCell(AtomicU8);

impl LanguageCell {
    fn set(&self, language: Language) {
        self.0.store(1 + language as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Language> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Language::Russian),
            _ => Some(Language::English),
        }
    }
}

/// `IMemoryManager`.
#[repr(C)]
struct MemoryManager {
    table: *const MemoryManagerTable,
}

#[repr(C)]
struct MemoryManagerTable {
    destructors: ForeignDestructors,
    alloc_memory: unsafe extern "system" fn(*mut MemoryManager, *mut *mut c_void, c_ulong) -> bool,
    free_memory: unsafe extern "system" fn(*mut MemoryManager, *mut *mut c_void),
}

/// `IAddInDefBase`, as far as it is used.
#[repr(C)]
struct Connection {
    table: *const ConnectionTable,
}

#[repr(C)]
struct ConnectionTable {
    destructors: ForeignDestructors,
    add_error: unsafe extern "system" fn(*mut Connection, c_ushort, *const u16, *const u16, c_long) -> bool,
}

/// A virtual destructor takes one slot under MSVC, two under the Itanium ABI.
#[cfg(windows)]
type ForeignDestructors = [usize; 1];
#[cfg(not(windows))]
type ForeignDestructors = [usize; 2];

impl State {
    fn new() -> State {
        State {
            memory: AtomicPtr::default(),
            connection: AtomicPtr::default(),
            event_queue_raised: AtomicBool::default(),
            locale: LanguageCell::default(),
            user_language: LanguageCell::default(),
            component: Mutex::default(),
            occupant: AtomicUsize::new(0),
            #[cfg(passteam_test_panic)]
            panic_in: Mutex::default(),
        }
    }

    fn language(&self) -> Language {
        self.user_language.get().or(self.locale.get()).unwrap_or_default()
    }

    /// A block of the platform's memory manager; null where there is no manager or no memory.
    fn allocate(&self, bytes: usize) -> *mut u16 {
        let manager = self.memory.load(Ordering::Acquire);
        let Ok(bytes) = c_ulong::try_from(bytes) else { return ptr::null_mut() };
        if manager.is_null() {
            return ptr::null_mut();
        }
        let mut block = ptr::null_mut();
        // SAFETY: the platform gave the manager for the object's lifetime.
        let given = unsafe { ((*(*manager).table).alloc_memory)(manager, &mut block, bytes) };
        if given { block.cast() } else { ptr::null_mut() }
    }

    /// A name in the platform's memory; null where there is no memory.
    fn name(&self, text: &str) -> *const u16 {
        // SAFETY: `allocate` gives null or a block of the size asked for, as `malloc` aligns it.
        unsafe { write_text(text, |bytes| self.allocate(bytes)) }.map_or(ptr::null(), |(start, _)| start.cast_const())
    }

    /// Raises a BSL exception when the platform's current call returns.
    fn add_error(&self, text: &str) {
        let connection = self.connection.load(Ordering::Acquire);
        if connection.is_null() {
            return;
        }
        let (source, description) = (CString1C::new(CLASS_NAME), CString1C::new(text));
        // SAFETY: between `Init` and `Done` the connection is alive, and this is a call of the platform.
        unsafe {
            ((*(*connection).table).add_error)(connection, ADDIN_E_FAIL, source.as_ptr(), description.as_ptr(), E_FAIL);
        }
    }

    /// Sends an external event; on a server, and where the queue is full, it goes nowhere.
    fn external_event(&self, name: &str, data: &str) {
        let connection = self.connection.load(Ordering::Acquire);
        // SAFETY: between `Init` and `Done` the connection is alive, and this is a call of the platform; `addin1c`'s type
        // stands for the same interface.
        let Some(connection) = (unsafe { connection.cast::<addin1c::Connection>().as_ref() }) else { return };
        if !self.event_queue_raised.swap(true, Ordering::Relaxed) && connection.get_event_buffer_depth() < EVENT_QUEUE {
            connection.set_event_buffer_depth(EVENT_QUEUE);
        }
        connection.external_event(CString1C::new(CLASS_NAME), CString1C::new(name), CString1C::new(data));
    }

    /// Calls a method of the component.
    fn call(&self, component: &mut Component, index: c_long, arguments: &[Argument]) -> Result<Value, Misuse> {
        component.call(position(index), arguments, &|name, data| self.external_event(name, data))
    }

    /// Waits until no other thread is inside the component; refuses where this very thread is.
    fn enter(&self) -> Result<Entered<'_>, Misuse> {
        if self.occupant.load(Ordering::Relaxed) == this_thread() {
            return Err(Misuse::component(Problem::Busy));
        }
        let mut component = self.component.lock().unwrap_or_else(PoisonError::into_inner);
        self.occupant.store(this_thread(), Ordering::Relaxed);
        component.set_language(self.language());
        Ok(Entered { component, occupant: &self.occupant })
    }

    /// One call that reads or changes the component: a misuse becomes a BSL exception and `false`.
    fn with_component(&self, body: impl FnOnce(&mut Component) -> Result<(), Misuse>) -> bool {
        let outcome = self
            .enter()
            .map(|mut entered| body(&mut entered.component).map_err(|misuse| entered.component.note_misuse(misuse)));
        let text = match outcome {
            Ok(Ok(())) => return true,
            Ok(Err(text)) => text,
            Err(busy) => busy.text(self.language()),
        };
        self.add_error(&text);
        false
    }

    /// After a panic: the customer's data is gone, and BSL gets an exception.
    fn recover(&self) {
        let misuse = Misuse::component(Problem::Internal { place: last_panic() });
        self.component.clear_poison();
        self.with_component(|component| {
            component.discard_values();
            Err(misuse)
        });
    }
}

/// The component, locked for this thread.
struct Entered<'a> {
    component: MutexGuard<'a, Component>,
    occupant: &'a AtomicUsize,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.occupant.store(0, Ordering::Relaxed);
    }
}

thread_local! {
    /// Where the last panic of this thread happened; its address tells threads apart.
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A number that no other living thread has; never 0. A thread that is being torn down has none.
fn this_thread() -> usize {
    PANIC_PLACE.try_with(|place| ptr::from_ref(place).addr()).unwrap_or(usize::MAX)
}

fn last_panic() -> String {
    PANIC_PLACE.try_with(RefCell::take).unwrap_or_default()
}

/// Keeps the texts of our panics, which may quote a customer's data, off the process's output; the place is enough.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|location| format!("{}:{}", location.file(), location.line()));
            let _ = PANIC_PLACE.try_with(|cell| cell.replace(place.unwrap_or_default()));
        }));
    });
}

/// A helper thread (a slow name look-up) must not outlive its code, so the library stays mapped until the process ends.
/// On Linux the linker sees to it (build.rs).
#[cfg(not(windows))]
fn keep_mapped() {}

/// The same by a reference to the library that nobody can give up.
#[cfg(windows)]
fn keep_mapped() {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }
    const PIN: u32 = 1;
    const FROM_ADDRESS: u32 = 4;

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut module = ptr::null_mut();
        // SAFETY: the address is one of this very library, and `module` may be written. Where the system refuses, the
        // library can be unmapped as any other.
        unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, ptr::from_ref(&ONCE).cast(), &mut module) };
    });
}

/// Runs what an exported function does; a panic ends here, because one that crosses into the platform aborts it.
pub fn guard<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// The same for a call of an object. `slot` is the method's name in the official header.
fn guard_object<R>(object: Option<&Object>, slot: &str, fallback: R, body: impl FnOnce(&State) -> R) -> R {
    let Some(Object { state, .. }) = object else { return fallback };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        provoke_panic(state, slot);
        body(state)
    }));
    outcome.unwrap_or_else(|_| {
        let _ = catch_unwind(AssertUnwindSafe(|| state.recover()));
        fallback
    })
}

#[cfg(not(passteam_test_panic))]
fn provoke_panic(_: &State, _: &str) {}

/// `SetLocale("panic:SLOT")` arms one panic inside the next call of that slot.
#[cfg(passteam_test_panic)]
fn provoke_panic(state: &State, slot: &str) {
    let mut armed = state.panic_in.lock().unwrap_or_else(PoisonError::into_inner);
    if *armed == slot {
        armed.clear();
        drop(armed);
        let _inside = state.enter();
        panic!("provoked by passteam_test_panic in {slot}");
    }
}

/// Makes an object of the class; null for any other name.
pub fn create(class: &str) -> *mut Object {
    if class != CLASS_NAME {
        return ptr::null_mut();
    }
    silence_panics();
    keep_mapped();
    Box::into_raw(Box::new(Object {
        init_done: &INIT_DONE,
        language_extender: &LANGUAGE_EXTENDER,
        locale: &LOCALE,
        user_language: &USER_LANGUAGE,
        state: State::new(),
    }))
}

/// Ends an object.
///
/// # Safety
/// `object` comes from [`create`] and is not used again.
pub unsafe fn destroy(object: *mut Object) {
    // SAFETY: made by `Box::into_raw` in `create`, and given up by the caller.
    drop(unsafe { Box::from_raw(object) });
}

/// A string of the platform that ends with a NUL; nothing for a null pointer.
///
/// # Safety
/// `start` is null or points to units that end with a NUL.
pub unsafe fn read_name<'a>(start: *const u16) -> Option<&'a [u16]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for the terminating NUL, so every unit up to it is readable.
    unsafe {
        let length = (0..).take_while(|&index| *start.add(index) != 0).count();
        Some(std::slice::from_raw_parts(start, length))
    }
}

/// The object for a `this` that points to its vtable pointer number `INTERFACE`.
///
/// # Safety
/// `this` is null or such a pointer into a living object.
unsafe fn object_of<'a, const INTERFACE: usize>(this: *mut c_void) -> Option<&'a Object> {
    if this.is_null() {
        return None;
    }
    // SAFETY: the interfaces' vtable pointers are the object's first fields, one pointer each.
    unsafe { this.cast::<*const c_void>().sub(INTERFACE).cast::<Object>().as_ref() }
}

/// The place of each interface's vtable pointer in [`Object`].
mod interface {
    pub const INIT_DONE: usize = 0;
    pub const LANGUAGE_EXTENDER: usize = 1;
    pub const LOCALE: usize = 2;
    pub const USER_LANGUAGE: usize = 3;
}

/// The virtual destructor under MSVC: one slot, which frees the object where bit 0 of `flags` says so.
#[cfg(windows)]
mod destructor {
    use super::{Object, c_void, destroy, guard};
    use std::ffi::c_uint;

    macro_rules! define {
        ($abi:literal) => {
            pub type Slots = [unsafe extern $abi fn(*mut c_void, c_uint) -> *mut c_void; 1];

            unsafe extern $abi fn delete<const INTERFACE: usize>(this: *mut c_void, flags: c_uint) -> *mut c_void {
                if flags & 1 != 0 && !this.is_null() {
                    // SAFETY: the host gives up the object whose interface `INTERFACE` it deletes through.
                    guard((), || unsafe { destroy(this.cast::<*const c_void>().sub(INTERFACE).cast::<Object>()) });
                }
                this
            }
        };
    }

    #[cfg(target_arch = "x86")]
    define!("thiscall");
    #[cfg(not(target_arch = "x86"))]
    define!("system");

    pub const fn slots<const INTERFACE: usize>() -> Slots {
        [delete::<INTERFACE>]
    }
}

/// The virtual destructor under the Itanium ABI: one slot that only ends the object, one that frees it too.
#[cfg(not(windows))]
mod destructor {
    use super::{Object, c_void, destroy, guard};

    pub type Slots = [unsafe extern "system" fn(*mut c_void); 2];

    /// Only a derived class or placement storage uses this one, and we give neither; the deleting one does the work.
    unsafe extern "system" fn end(_: *mut c_void) {}

    unsafe extern "system" fn delete<const INTERFACE: usize>(this: *mut c_void) {
        if !this.is_null() {
            // SAFETY: the host gives up the object whose interface `INTERFACE` it deletes through.
            guard((), || unsafe { destroy(this.cast::<*const c_void>().sub(INTERFACE).cast::<Object>()) });
        }
    }

    pub const fn slots<const INTERFACE: usize>() -> Slots {
        [end, delete::<INTERFACE>]
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

// `this` is the interface's own pointer in every function below, as the platform calls through the vtables above.

unsafe extern "system" fn init(this: *mut c_void, connection: *mut Connection) -> bool {
    // SAFETY: see above.
    let object = unsafe { object_of::<{ interface::INIT_DONE }>(this) };
    guard_object(object, "Init", false, |state| {
        state.connection.store(connection, Ordering::Release);
        !connection.is_null()
    })
}

unsafe extern "system" fn set_mem_manager(this: *mut c_void, memory: *mut MemoryManager) -> bool {
    // SAFETY: see above.
    let object = unsafe { object_of::<{ interface::INIT_DONE }>(this) };
    guard_object(object, "setMemManager", false, |state| {
        state.memory.store(memory, Ordering::Release);
        !memory.is_null()
    })
}

unsafe extern "system" fn get_info(_: *mut c_void) -> c_long {
    TECHNOLOGY_VERSION
}

unsafe extern "system" fn done(this: *mut c_void) {
    // SAFETY: see above.
    let object = unsafe { object_of::<{ interface::INIT_DONE }>(this) };
    guard_object(object, "Done", (), |state| {
        state.connection.store(ptr::null_mut(), Ordering::Release);
        if let Ok(mut entered) = state.enter() {
            *entered.component = Component::default();
        }
    });
}

unsafe extern "system" fn register_extension_as(this: *mut c_void, name: *mut *const u16) -> bool {
    extender(this, "RegisterExtensionAs", false, |state| {
        let own = state.name(CLASS_NAME);
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
            .map_or(ptr::null(), |name| state.name(name))
    })
}

unsafe extern "system" fn get_prop_val(this: *mut c_void, index: c_long, value: *mut Variant) -> bool {
    extender(this, "GetPropVal", false, |state| {
        state.with_component(|component| give(state, component.get(position(index))?, value))
    })
}

unsafe extern "system" fn set_prop_val(this: *mut c_void, index: c_long, value: *const Variant) -> bool {
    extender(this, "SetPropVal", false, |state| {
        // SAFETY: the platform passes a variant that it has filled.
        let value = unsafe { Argument::read(value) };
        state.with_component(|component| component.set(position(index), &value))
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
            .map_or(ptr::null(), |name| state.name(name))
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
        // A required parameter has no default: the variant is left empty, which is how hosts tell.
        let filled = give(state, default.map_or(Value::Undefined, members::Default::value), value);
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
        state.with_component(|component| state.call(component, index, &arguments).map(drop))
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
        state.with_component(|component| give(state, state.call(component, index, &arguments)?, returned))
    })
}

unsafe extern "system" fn set_locale(this: *mut c_void, locale: *const u16) {
    // SAFETY: see above.
    let object = unsafe { object_of::<{ interface::LOCALE }>(this) };
    guard_object(object, "SetLocale", (), |state| {
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
    let object = unsafe { object_of::<{ interface::USER_LANGUAGE }>(this) };
    guard_object(object, "SetUserInterfaceLanguageCode", (), |state| {
        // SAFETY: the platform passes a code that ends with a NUL.
        if let Some(code) = unsafe { read_name(language) } {
            state.user_language.set(Language::from_code(&String::from_utf16_lossy(code)));
        }
    });
}

/// A call through `ILanguageExtenderBase`.
fn extender<R>(this: *mut c_void, slot: &str, fallback: R, body: impl FnOnce(&State) -> R) -> R {
    // SAFETY: only the functions of `LANGUAGE_EXTENDER` come here, with the `this` that the platform gave them.
    let object = unsafe { object_of::<{ interface::LANGUAGE_EXTENDER }>(this) };
    guard_object(object, slot, fallback, body)
}

/// The variants of a call.
///
/// # Safety
/// `parameters` is null or points to `count` variants as [`Argument::read`] wants them.
unsafe fn read_arguments(parameters: *const Variant, count: c_long) -> Vec<Argument> {
    let count = if parameters.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
    // SAFETY: the caller vouches for the array.
    (0..count).map(|index| unsafe { Argument::read(parameters.add(index)) }).collect()
}

/// Hands a value over to the platform.
fn give(state: &State, value: Value, target: *mut Variant) -> Result<(), Misuse> {
    if target.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and the platform passes a variant to be filled; `allocate` keeps the promise of its doc.
    unsafe { value.write(target, |bytes| state.allocate(bytes)) }.map_err(|_| Misuse::component(Problem::OutOfMemory))
}

fn at<T>(table: &'static [T], index: c_long) -> Option<&'static T> {
    usize::try_from(index).ok().and_then(|index| table.get(index))
}

/// An index for the component, which refuses one that no member has.
fn position(index: c_long) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn index_or_minus_one(index: Option<usize>) -> c_long {
    index.map_or(-1, |index| index as c_long)
}
