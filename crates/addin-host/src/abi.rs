//! The binary interface of the Native API, and all of this crate's `unsafe`.
//!
//! It follows the vendor's C++ headers (`ComponentBase.h`, `AddInDefBase.h`, `IMemoryManager.h`, `types.h`): a class
//! with virtual functions is a pointer to a table of functions in the order of declaration, the destructor first. The
//! functions are `__stdcall` on 32-bit Windows (`extern "system"`), the library's exports plain C everywhere.
//!
//! An add-in is native code in this process. The host survives wrong answers, wrong frees and null pointers; it trusts that any other
//! pointer points at a value of its type.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{c_long, c_ulong, c_void};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use crate::connection::{Connection, ExternalEvent, RaisedError};
use crate::memory::{Ledger, NotLive};
use crate::options::{AllocationRefusal, HostOptions};
use crate::value::{Tm, Value};

/// `eAppCapabilitiesLast` of the platform that this host imitates.
pub(crate) const CAPABILITIES: i32 = 3;

/// A C++ `bool` as a byte, because an add-in may write any value into it: for a Rust `bool` that is undefined behaviour.
type Bool = u8;

// ---------------------------------------------------------------------------------------------------------------------
// Destructors
// ---------------------------------------------------------------------------------------------------------------------

/// MSVC's deleting destructor: bit 0 of `flags` asks for the memory to be freed too.
#[cfg(all(windows, target_arch = "x86"))]
type DeletingDestructor = unsafe extern "thiscall" fn(this: *mut c_void, flags: u32) -> *mut c_void;
#[cfg(all(windows, not(target_arch = "x86")))]
type DeletingDestructor = unsafe extern "C" fn(this: *mut c_void, flags: u32) -> *mut c_void;
/// The deleting destructor of the Itanium C++ ABI.
#[cfg(not(windows))]
type DeletingDestructor = unsafe extern "C" fn(this: *mut c_void);

/// The place of a virtual destructor: one slot for MSVC, two elsewhere.
#[repr(C)]
struct DestructorSlots {
    #[cfg(not(windows))]
    complete: DeletingDestructor,
    deleting: DeletingDestructor,
}

/// The destructors of the host's own objects. An add-in must not call them, and they do nothing.
const NO_DESTRUCTION: DestructorSlots = DestructorSlots {
    #[cfg(not(windows))]
    complete: destroy_nothing,
    deleting: destroy_nothing,
};

#[cfg(all(windows, target_arch = "x86"))]
unsafe extern "thiscall" fn destroy_nothing(this: *mut c_void, _flags: u32) -> *mut c_void {
    this
}
#[cfg(all(windows, not(target_arch = "x86")))]
unsafe extern "C" fn destroy_nothing(this: *mut c_void, _flags: u32) -> *mut c_void {
    this
}
#[cfg(not(windows))]
unsafe extern "C" fn destroy_nothing(_this: *mut c_void) {}

// ---------------------------------------------------------------------------------------------------------------------
// Variants
// ---------------------------------------------------------------------------------------------------------------------

/// `ENUMVAR`.
mod vtype {
    pub(super) const EMPTY: u16 = 0;
    pub(super) const NULL: u16 = 1;
    pub(super) const I2: u16 = 2;
    pub(super) const I4: u16 = 3;
    pub(super) const R4: u16 = 4;
    pub(super) const R8: u16 = 5;
    pub(super) const DATE: u16 = 6;
    pub(super) const TM: u16 = 7;
    pub(super) const PSTR: u16 = 8;
    pub(super) const INTERFACE: u16 = 9;
    pub(super) const ERROR: u16 = 10;
    pub(super) const BOOL: u16 = 11;
    pub(super) const VARIANT: u16 = 12;
    pub(super) const I1: u16 = 13;
    pub(super) const UI1: u16 = 14;
    pub(super) const UI2: u16 = 15;
    pub(super) const UI4: u16 = 16;
    pub(super) const I8: u16 = 17;
    pub(super) const UI8: u16 = 18;
    pub(super) const INT: u16 = 19;
    pub(super) const UINT: u16 = 20;
    pub(super) const HRESULT: u16 = 21;
    pub(super) const PWSTR: u16 = 22;
    pub(super) const BLOB: u16 = 23;
    pub(super) const CLSID: u16 = 24;
}

/// `struct tm` of the platform's C library.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawTm {
    sec: i32,
    min: i32,
    hour: i32,
    mday: i32,
    mon: i32,
    year: i32,
    wday: i32,
    yday: i32,
    isdst: i32,
    #[cfg(unix)]
    gmtoff: c_long,
    #[cfg(unix)]
    zone: *const std::ffi::c_char,
}

/// `pstrVal` and `strLen` (bytes), `pwstrVal` and `wstrLen` (code units).
#[repr(C)]
#[derive(Clone, Copy)]
struct Counted {
    pointer: *mut c_void,
    len: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
union Payload {
    i1: i8,
    ui1: u8,
    i2: i16,
    ui2: u16,
    i4: i32,
    ui4: u32,
    i8: i64,
    ui8: u64,
    long: c_long,
    r4: f32,
    r8: f64,
    pointer: *mut c_void,
    counted: Counted,
    tm: RawTm,
    bytes: [u8; 16],
}

/// `tVariant`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Variant {
    payload: Payload,
    elements: u32,
    vt: u16,
}

impl Variant {
    const EMPTY: Variant = {
        // SAFETY: every field may be all zeros; null pointers included.
        unsafe { std::mem::zeroed() }
    };

    /// A variant of one type. What `write` does not set is zero.
    fn new(vt: u16, write: impl FnOnce(&mut Payload)) -> Variant {
        let mut variant = Variant { vt, ..Variant::EMPTY };
        write(&mut variant.payload);
        variant
    }

    fn counted(vt: u16, pointer: *mut c_void, len: usize) -> Variant {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Variant::new(vt, |payload| payload.counted = Counted { pointer, len })
    }

    /// The pointer of a type that has one.
    fn pointer(&self) -> Option<*mut c_void> {
        match self.vt {
            vtype::PWSTR | vtype::PSTR | vtype::BLOB | vtype::VARIANT => {
                // SAFETY: these types begin with a pointer.
                Some(unsafe { self.payload.pointer })
            }
            _ => None,
        }
    }

    /// Reads what the add-in left here, and frees the memory it points at, as the platform does.
    fn take(&self, memory: &Ledger) -> Value {
        let payload = self.payload;
        // SAFETY: the payload began as zeros, so every field is initialized; any bit pattern is a value of these
        // types, and the add-in promises that a pointer of a counted type points at memory of that length.
        unsafe {
            match self.vt {
                vtype::EMPTY => Value::Empty,
                vtype::NULL => Value::Null,
                vtype::I1 => Value::I1(payload.i1),
                vtype::UI1 => Value::UI1(payload.ui1),
                vtype::I2 => Value::I2(payload.i2),
                vtype::UI2 => Value::UI2(payload.ui2),
                vtype::I4 => Value::I4(payload.i4),
                vtype::UI4 => Value::UI4(payload.ui4),
                vtype::I8 => Value::I8(payload.i8),
                vtype::UI8 => Value::UI8(payload.ui8),
                vtype::INT => Value::Int(payload.i4),
                vtype::UINT => Value::Uint(payload.ui4),
                vtype::R4 => Value::R4(payload.r4),
                vtype::R8 => Value::R8(payload.r8),
                vtype::DATE => Value::Date(payload.r8),
                vtype::TM => Value::Tm(payload.tm.into()),
                vtype::BOOL => Value::Bool(payload.ui1 != 0),
                vtype::ERROR => Value::Error(payload.i4),
                // c_long is i64 on some targets.
                #[allow(clippy::useless_conversion)]
                vtype::HRESULT => Value::Hresult(payload.long.into()),
                vtype::INTERFACE => Value::Interface(payload.pointer.addr()),
                vtype::VARIANT => Value::Variant(None),
                vtype::CLSID => Value::Clsid(payload.bytes),
                vtype::PSTR => Value::Pstr(take_bytes(payload.counted, 1, memory)),
                vtype::BLOB => Value::Blob(take_bytes(payload.counted, 1, memory)),
                vtype::PWSTR => match payload.counted {
                    Counted { pointer, len } if pointer.is_null() && len > 0 => Value::NullString { len },
                    counted => Value::String(units(&take_bytes(counted, 2, memory))),
                },
                vt => Value::Other { vt, bytes: payload.bytes },
            }
        }
    }
}

impl From<RawTm> for Tm {
    fn from(raw: RawTm) -> Tm {
        Tm {
            sec: raw.sec,
            min: raw.min,
            hour: raw.hour,
            mday: raw.mday,
            mon: raw.mon,
            year: raw.year,
            wday: raw.wday,
            yday: raw.yday,
            isdst: raw.isdst,
        }
    }
}

impl From<Tm> for RawTm {
    fn from(tm: Tm) -> RawTm {
        RawTm {
            sec: tm.sec,
            min: tm.min,
            hour: tm.hour,
            mday: tm.mday,
            mon: tm.mon,
            year: tm.year,
            wday: tm.wday,
            yday: tm.yday,
            isdst: tm.isdst,
            #[cfg(unix)]
            gmtoff: 0,
            #[cfg(unix)]
            zone: ptr::null(),
        }
    }
}

/// UTF-16 code units from their bytes; an odd last byte is dropped.
fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|&unit| u16::from_ne_bytes(unit)).collect()
}

/// Copies `counted` items of `item` bytes that the add-in hands over, and frees them. Memory that was already freed reads as empty;
/// memory of another manager is copied and not freed.
///
/// # Safety
/// The pointer is null, was allocated by `memory`, or points at this number of bytes.
unsafe fn take_bytes(counted: Counted, item: usize, memory: &Ledger) -> Vec<u8> {
    if counted.pointer.is_null() {
        return Vec::new();
    }
    let len = (counted.len as usize).saturating_mul(item);
    match memory.take(counted.pointer.addr()) {
        Ok(block) => {
            let bytes = block.bytes();
            if len > bytes.len() {
                memory.note_overlong_value();
            }
            bytes[..len.min(bytes.len())].to_vec()
        }
        Err(NotLive::Freed) => Vec::new(),
        Err(NotLive::Foreign) => {
            // SAFETY: the caller's promise.
            unsafe { std::slice::from_raw_parts(counted.pointer.cast::<u8>(), len) }.to_vec()
        }
    }
}

/// Copies a NUL-terminated name that the add-in hands over, and frees it.
///
/// # Safety
/// The pointer is null, was allocated by `memory`, or points at a NUL-terminated string.
unsafe fn take_name(pointer: *const u16, memory: &Ledger) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    match memory.take(pointer.addr()) {
        Ok(block) => {
            let mut name = units(block.bytes());
            match name.iter().position(|&unit| unit == 0) {
                Some(end) => name.truncate(end),
                None => memory.note_overlong_value(),
            }
            Some(String::from_utf16_lossy(&name))
        }
        Err(NotLive::Freed) => Some(String::new()),
        // SAFETY: the caller's promise.
        Err(NotLive::Foreign) => Some(unsafe { read_string(pointer) }),
    }
}

/// Copies a NUL-terminated string; null reads as empty, lone surrogates as U+FFFD.
///
/// # Safety
/// The pointer is null or points at a NUL-terminated string.
unsafe fn read_string(pointer: *const u16) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise: every unit up to the NUL can be read.
    let units = (0..).map(|index| unsafe { pointer.add(index).read_unaligned() }).take_while(|&unit| unit != 0);
    char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn nul_terminated(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The memory that arguments point at. It stays alive and does not move.
type Backing = Vec<Box<dyn Any>>;

/// The bytes behind the end of every string. They are not NUL, so that a read past the end is noticed; a NUL follows them.
const BEHIND: &[u8; 8] = b"JUNKJUNK";

/// Variants in memory for a call.
struct Block {
    memory: Vec<u64>,
    /// Where the first one begins, in bytes.
    offset: usize,
    count: usize,
}

impl Block {
    /// How the stack of 32-bit Windows aligns variants, which hold numbers of 8 bytes.
    const UNALIGNED: usize = 4;

    fn new(variants: &[Variant], unaligned: bool) -> Block {
        let offset = if unaligned { Block::UNALIGNED } else { 0 };
        let memory = vec![0; (offset + size_of_val(variants)).div_ceil(size_of::<u64>())];
        let mut block = Block { memory, offset, count: variants.len() };
        for (index, variant) in variants.iter().enumerate() {
            // SAFETY: the memory is large enough for all of them.
            unsafe { block.as_mut_ptr().add(index).write_unaligned(*variant) };
        }
        block
    }

    fn one(unaligned: bool) -> Block {
        Block::new(&[Variant::EMPTY], unaligned)
    }

    fn as_mut_ptr(&mut self) -> *mut Variant {
        // SAFETY: the offset lies within the memory, or at its end if there is nothing in it.
        unsafe { self.memory.as_mut_ptr().cast::<u8>().add(self.offset).cast() }
    }

    /// What the add-in left there.
    fn variants(&self) -> impl Iterator<Item = Variant> {
        (0..self.count).map(|index| {
            // SAFETY: there are so many, and an add-in leaves any of them a variant.
            unsafe {
                let first: *const Variant = self.memory.as_ptr().cast::<u8>().add(self.offset).cast();
                first.add(index).read_unaligned()
            }
        })
    }

    /// Reads what the add-in left in the only variant, as [`Variant::take`] does.
    fn take(&self, memory: &Ledger) -> Value {
        self.variants().next().map_or(Value::Empty, |variant| variant.take(memory))
    }
}

/// Values laid out for a call, with the memory that they point at.
struct Arguments {
    variants: Block,
    /// The pointers that were passed. A different pointer afterwards was written by the add-in.
    passed: Vec<Option<*mut c_void>>,
    backing: Backing,
}

impl Arguments {
    fn new(values: &[Value], platform: &Platform) -> Arguments {
        let mut backing = Backing::new();
        let lay_out = |value| lay_out(value, platform.null_empty_strings, &mut backing);
        let variants: Vec<Variant> = values.iter().map(lay_out).collect();
        let passed = variants.iter().map(Variant::pointer).collect();
        Arguments { passed, variants: Block::new(&variants, platform.unaligned_variants), backing }
    }

    /// Null if there are no arguments: the Native API does not promise a pointer.
    fn as_mut_ptr(&mut self) -> *mut Variant {
        if self.passed.is_empty() { ptr::null_mut() } else { self.variants.as_mut_ptr() }
    }

    fn len(&self) -> c_long {
        c_long::try_from(self.passed.len()).unwrap_or(c_long::MAX)
    }

    /// Puts what the add-in wrote into the parameters back into `values`.
    fn read_back(self, values: &mut [Value], memory: &Ledger) {
        for ((value, variant), passed) in values.iter_mut().zip(self.variants.variants()).zip(&self.passed) {
            let is_untouched = variant.pointer().is_some() && variant.pointer() == *passed;
            if !is_untouched {
                *value = variant.take(memory);
            }
        }
        drop(self.backing);
    }
}

fn lay_out(value: &Value, null_empty_strings: bool, backing: &mut Backing) -> Variant {
    let mut bytes = |vt, bytes: &[u8]| {
        let mut copy = [bytes, BEHIND, &[0]].concat();
        let variant = Variant::counted(vt, copy.as_mut_ptr().cast(), bytes.len());
        backing.push(Box::new(copy));
        variant
    };
    match *value {
        Value::Empty => Variant::EMPTY,
        Value::Null => Variant::new(vtype::NULL, |_| ()),
        Value::I1(i1) => Variant::new(vtype::I1, |to| to.i1 = i1),
        Value::UI1(ui1) => Variant::new(vtype::UI1, |to| to.ui1 = ui1),
        Value::I2(i2) => Variant::new(vtype::I2, |to| to.i2 = i2),
        Value::UI2(ui2) => Variant::new(vtype::UI2, |to| to.ui2 = ui2),
        Value::I4(i4) => Variant::new(vtype::I4, |to| to.i4 = i4),
        Value::UI4(ui4) => Variant::new(vtype::UI4, |to| to.ui4 = ui4),
        Value::I8(i8) => Variant::new(vtype::I8, |to| to.i8 = i8),
        Value::UI8(ui8) => Variant::new(vtype::UI8, |to| to.ui8 = ui8),
        Value::Int(i4) => Variant::new(vtype::INT, |to| to.i4 = i4),
        Value::Uint(ui4) => Variant::new(vtype::UINT, |to| to.ui4 = ui4),
        Value::R4(r4) => Variant::new(vtype::R4, |to| to.r4 = r4),
        Value::R8(r8) => Variant::new(vtype::R8, |to| to.r8 = r8),
        Value::Date(r8) => Variant::new(vtype::DATE, |to| to.r8 = r8),
        Value::Tm(tm) => Variant::new(vtype::TM, |to| to.tm = tm.into()),
        Value::Bool(value) => Variant::new(vtype::BOOL, |to| to.ui1 = value.into()),
        Value::Error(i4) => Variant::new(vtype::ERROR, |to| to.i4 = i4),
        Value::Hresult(value) => Variant::new(vtype::HRESULT, |to| to.long = value as c_long),
        Value::Interface(address) => {
            Variant::new(vtype::INTERFACE, |to| to.pointer = ptr::without_provenance_mut(address))
        }
        Value::Clsid(bytes) => Variant::new(vtype::CLSID, |to| to.bytes = bytes),
        Value::Other { vt, bytes } => Variant::new(vt, |to| to.bytes = bytes),
        Value::NullString { len } => Variant::counted(vtype::PWSTR, ptr::null_mut(), len as usize),
        Value::String(ref units) if units.is_empty() && null_empty_strings => {
            Variant::counted(vtype::PWSTR, ptr::null_mut(), 0)
        }
        Value::Pstr(ref text) if text.is_empty() && null_empty_strings => {
            Variant::counted(vtype::PSTR, ptr::null_mut(), 0)
        }
        Value::String(ref units) => {
            let behind = BEHIND.iter().copied().map(u16::from).chain([0]);
            let mut copy: Vec<u16> = units.iter().copied().chain(behind).collect();
            let pointer = copy.as_mut_ptr().cast();
            backing.push(Box::new(copy));
            Variant::counted(vtype::PWSTR, pointer, units.len())
        }
        Value::Pstr(ref text) => bytes(vtype::PSTR, text),
        Value::Blob(ref data) => bytes(vtype::BLOB, data),
        Value::Variant(None) => Variant::new(vtype::VARIANT, |_| ()),
        Value::Variant(Some(ref inner)) => {
            let mut inner = vec![lay_out(inner, null_empty_strings, backing)];
            let pointer = inner.as_mut_ptr().cast();
            backing.push(Box::new(inner));
            Variant::new(vtype::VARIANT, |to| to.pointer = pointer)
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The platform's side
// ---------------------------------------------------------------------------------------------------------------------

/// The objects that the platform gives to one add-in object.
///
/// An add-in may call them from its own threads even after its object is destroyed, so they live as long as the process.
pub(crate) struct Platform {
    memory_manager: MemoryManager,
    connection: ConnectionObject,
    null_empty_strings: bool,
    unaligned_variants: bool,
}

// SAFETY: the raw pointers point at vtables and texts that never change; what changes is behind mutexes.
unsafe impl Send for Platform {}
// SAFETY: as above.
unsafe impl Sync for Platform {}

impl Platform {
    pub(crate) fn new(options: &HostOptions) -> Arc<Platform> {
        let connection = Arc::new(Connection::new(options.event_queue));
        let version = nul_terminated(&options.application.version);
        let user_agent = nul_terminated("");
        Arc::new(Platform {
            memory_manager: MemoryManager {
                vtable: &MEMORY_MANAGER,
                memory: Arc::new(Ledger::new(options.zero_allocation_is_null)),
                refusal: options.allocation_refusal,
            },
            connection: ConnectionObject {
                vtable: &CONNECTION,
                message_box: MessageBox { vtable: &MESSAGE_BOX, connection: Arc::clone(&connection) },
                platform_info: PlatformInfo {
                    vtable: &PLATFORM_INFO,
                    info: AppInfo {
                        version: version.as_ptr(),
                        user_agent: user_agent.as_ptr(),
                        kind: options.application.kind as i32,
                    },
                    _texts: [version, user_agent],
                },
                attached_info: AttachedInfo { vtable: &ATTACHED_INFO, attached: i32::from(!options.isolated) },
                connection,
            },
            null_empty_strings: options.null_empty_strings,
            unaligned_variants: options.unaligned_variants,
        })
    }

    pub(crate) fn memory(&self) -> &Arc<Ledger> {
        &self.memory_manager.memory
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection.connection
    }
}

/// `IMemoryManager`.
#[repr(C)]
struct MemoryManager {
    vtable: &'static MemoryManagerVtable,
    memory: Arc<Ledger>,
    refusal: AllocationRefusal,
}

#[repr(C)]
struct MemoryManagerVtable {
    destructor: DestructorSlots,
    alloc_memory: unsafe extern "system" fn(*const MemoryManager, *mut *mut c_void, c_ulong) -> Bool,
    free_memory: unsafe extern "system" fn(*const MemoryManager, *mut *mut c_void),
}

static MEMORY_MANAGER: MemoryManagerVtable =
    MemoryManagerVtable { destructor: NO_DESTRUCTION, alloc_memory, free_memory };

unsafe extern "system" fn alloc_memory(this: *const MemoryManager, pointer: *mut *mut c_void, size: c_ulong) -> Bool {
    // SAFETY: `this` is what `set_mem_manager` was given; it lives as long as the process.
    let manager = unsafe { &*this };
    if pointer.is_null() {
        return false.into();
    }
    let block = manager.memory.allocate(usize::try_from(size).unwrap_or(usize::MAX));
    if block.is_some() || manager.refusal == AllocationRefusal::Null {
        // SAFETY: the add-in passes the place of a pointer.
        unsafe { pointer.write(block.unwrap_or(ptr::null_mut())) };
    }
    block.is_some().into()
}

unsafe extern "system" fn free_memory(this: *const MemoryManager, pointer: *mut *mut c_void) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: `this` as above; the add-in passes the place of a pointer.
    unsafe {
        let address = pointer.replace(ptr::null_mut()).addr();
        if address != 0 {
            // The ledger has counted what is wrong with the address, if anything.
            let _ = (*this).memory.take(address);
        }
    }
}

/// `IAddInDefBaseEx`, and the interfaces that its `GetInterface` returns.
#[repr(C)]
struct ConnectionObject {
    vtable: &'static ConnectionVtable,
    connection: Arc<Connection>,
    message_box: MessageBox,
    platform_info: PlatformInfo,
    attached_info: AttachedInfo,
}

#[repr(C)]
struct ConnectionVtable {
    destructor: DestructorSlots,
    add_error: unsafe extern "system" fn(*const ConnectionObject, u16, *const u16, *const u16, c_long) -> Bool,
    read:
        unsafe extern "system" fn(*const ConnectionObject, *mut u16, *mut Variant, *mut c_long, *mut *mut u16) -> Bool,
    write: unsafe extern "system" fn(*const ConnectionObject, *mut u16, *mut Variant) -> Bool,
    register_profile_as: unsafe extern "system" fn(*const ConnectionObject, *mut u16) -> Bool,
    set_event_buffer_depth: unsafe extern "system" fn(*const ConnectionObject, c_long) -> Bool,
    get_event_buffer_depth: unsafe extern "system" fn(*const ConnectionObject) -> c_long,
    external_event: unsafe extern "system" fn(*const ConnectionObject, *mut u16, *mut u16, *mut u16) -> Bool,
    clean_event_buffer: unsafe extern "system" fn(*const ConnectionObject),
    set_status_line: unsafe extern "system" fn(*const ConnectionObject, *mut u16) -> Bool,
    reset_status_line: unsafe extern "system" fn(*const ConnectionObject),
    get_interface: unsafe extern "system" fn(*const ConnectionObject, i32) -> *const c_void,
}

static CONNECTION: ConnectionVtable = ConnectionVtable {
    destructor: NO_DESTRUCTION,
    add_error,
    read,
    write,
    register_profile_as,
    set_event_buffer_depth,
    get_event_buffer_depth,
    external_event,
    clean_event_buffer,
    set_status_line,
    reset_status_line,
    get_interface,
};

/// The state behind a connection object.
///
/// # Safety
/// `this` is what `Init` was given; it lives as long as the process.
unsafe fn state<'a>(this: *const ConnectionObject) -> &'a Connection {
    // SAFETY: the caller's promise.
    unsafe { &(*this).connection }
}

unsafe extern "system" fn add_error(
    this: *const ConnectionObject,
    wcode: u16,
    source: *const u16,
    description: *const u16,
    scode: c_long,
) -> Bool {
    // SAFETY: the add-in passes its connection and NUL-terminated strings.
    unsafe {
        state(this).add_error(RaisedError {
            wcode,
            source: read_string(source),
            description: read_string(description),
            #[allow(clippy::useless_conversion)] // c_long is i64 on some targets
            scode: scode.into(),
        });
    }
    true.into()
}

unsafe extern "system" fn read(
    this: *const ConnectionObject,
    _name: *mut u16,
    _value: *mut Variant,
    _code: *mut c_long,
    _description: *mut *mut u16,
) -> Bool {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.note_call();
    false.into()
}

unsafe extern "system" fn write(this: *const ConnectionObject, _name: *mut u16, _value: *mut Variant) -> Bool {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.note_call();
    false.into()
}

unsafe extern "system" fn register_profile_as(this: *const ConnectionObject, _name: *mut u16) -> Bool {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.note_call();
    false.into()
}

unsafe extern "system" fn set_event_buffer_depth(this: *const ConnectionObject, depth: c_long) -> Bool {
    let depth = i32::try_from(depth).unwrap_or(-1);
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.set_event_buffer_depth(depth).into()
}

unsafe extern "system" fn get_event_buffer_depth(this: *const ConnectionObject) -> c_long {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.event_buffer_depth().into()
}

unsafe extern "system" fn external_event(
    this: *const ConnectionObject,
    source: *mut u16,
    message: *mut u16,
    data: *mut u16,
) -> Bool {
    // SAFETY: the add-in passes its connection and NUL-terminated strings.
    unsafe {
        state(this).external_event(ExternalEvent {
            source: read_string(source),
            message: read_string(message),
            data: read_string(data),
        })
    }
    .into()
}

unsafe extern "system" fn clean_event_buffer(this: *const ConnectionObject) {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.clean_event_buffer();
}

unsafe extern "system" fn set_status_line(this: *const ConnectionObject, text: *mut u16) -> Bool {
    // SAFETY: the add-in passes its connection and a NUL-terminated string.
    unsafe { state(this).set_status_line(Some(read_string(text))) };
    true.into()
}

unsafe extern "system" fn reset_status_line(this: *const ConnectionObject) {
    // SAFETY: the add-in passes its connection.
    unsafe { state(this) }.set_status_line(None);
}

unsafe extern "system" fn get_interface(this: *const ConnectionObject, interface: i32) -> *const c_void {
    // SAFETY: the add-in passes its connection.
    let object = unsafe { &*this };
    object.connection.note_call();
    match interface {
        0 => (&raw const object.message_box).cast(),
        1 => (&raw const object.platform_info).cast(),
        2 => (&raw const object.attached_info).cast(),
        _ => ptr::null(),
    }
}

/// `IMsgBox`.
#[repr(C)]
struct MessageBox {
    vtable: &'static MessageBoxVtable,
    connection: Arc<Connection>,
}

#[repr(C)]
struct MessageBoxVtable {
    confirm: unsafe extern "system" fn(*const MessageBox, *const u16, *mut Variant) -> Bool,
    alert: unsafe extern "system" fn(*const MessageBox, *const u16) -> Bool,
}

static MESSAGE_BOX: MessageBoxVtable = MessageBoxVtable { confirm, alert };

/// Answers in place of a user who agrees.
unsafe extern "system" fn confirm(this: *const MessageBox, text: *const u16, answer: *mut Variant) -> Bool {
    // SAFETY: the add-in passes the message box, a NUL-terminated string and a variant or null.
    unsafe {
        (*this).connection.show_dialog(read_string(text));
        if !answer.is_null() {
            answer.write(Variant::new(vtype::BOOL, |to| to.ui1 = 1));
        }
    }
    true.into()
}

unsafe extern "system" fn alert(this: *const MessageBox, text: *const u16) -> Bool {
    // SAFETY: the add-in passes the message box and a NUL-terminated string.
    unsafe { (*this).connection.show_dialog(read_string(text)) };
    true.into()
}

/// `IPlatformInfo`.
#[repr(C)]
struct PlatformInfo {
    vtable: &'static PlatformInfoVtable,
    info: AppInfo,
    /// What `info` points at.
    _texts: [Vec<u16>; 2],
}

#[repr(C)]
struct PlatformInfoVtable {
    get_platform_info: unsafe extern "system" fn(*const PlatformInfo) -> *const AppInfo,
}

/// `IPlatformInfo::AppInfo`.
#[repr(C)]
struct AppInfo {
    version: *const u16,
    user_agent: *const u16,
    kind: i32,
}

static PLATFORM_INFO: PlatformInfoVtable = PlatformInfoVtable { get_platform_info };

unsafe extern "system" fn get_platform_info(this: *const PlatformInfo) -> *const AppInfo {
    // SAFETY: the add-in passes what `GetInterface` returned.
    unsafe { &raw const (*this).info }
}

/// `IAttachedInfo`.
#[repr(C)]
struct AttachedInfo {
    vtable: &'static AttachedInfoVtable,
    attached: i32,
}

#[repr(C)]
struct AttachedInfoVtable {
    get_attached_info: unsafe extern "system" fn(*const AttachedInfo) -> i32,
}

static ATTACHED_INFO: AttachedInfoVtable = AttachedInfoVtable { get_attached_info };

unsafe extern "system" fn get_attached_info(this: *const AttachedInfo) -> i32 {
    // SAFETY: the add-in passes what `GetInterface` returned.
    unsafe { (*this).attached }
}

// ---------------------------------------------------------------------------------------------------------------------
// The add-in's side
// ---------------------------------------------------------------------------------------------------------------------

/// Why a file is not an add-in.
pub(crate) enum OpenFailure {
    /// The system's loader refused it, with this message.
    Load(String),
    /// This export is missing.
    MissingExport(&'static str),
}

/// A loaded library and its five exports.
pub(crate) struct Exports {
    get_class_object: unsafe extern "C" fn(*const u16, *mut *mut Subobjects) -> c_long,
    destroy_object: unsafe extern "C" fn(*mut *mut Subobjects) -> c_long,
    get_class_names: unsafe extern "C" fn() -> *const u16,
    set_platform_capabilities: Option<unsafe extern "C" fn(i32) -> i32>,
    get_attach_type: Option<unsafe extern "C" fn() -> i32>,
    library: libloading::Library,
}

/// Gets an exported function.
///
/// # Safety
/// The function has the type `F`.
unsafe fn export<F: Copy>(library: &libloading::Library, name: &'static str) -> Option<F> {
    // SAFETY: the caller's promise.
    unsafe { library.get::<F>(name) }.ok().map(|symbol| *symbol)
}

impl Exports {
    /// Loads a library with every symbol resolved at once, so that a missing one is reported here.
    pub(crate) fn load(path: &Path) -> Result<Exports, OpenFailure> {
        // SAFETY: loading runs the library's initializers; that is what the user asks for.
        let library = unsafe { libloading::Library::new(path) }.map_err(|error| {
            let words = std::error::Error::source(&error).map(ToString::to_string);
            OpenFailure::Load(words.unwrap_or_else(|| error.to_string()))
        })?;
        fn required<F>(name: &'static str, export: Option<F>) -> Result<F, OpenFailure> {
            export.ok_or(OpenFailure::MissingExport(name))
        }
        // SAFETY: the types are those of `ComponentBase.h`.
        unsafe {
            Ok(Exports {
                get_class_object: required("GetClassObject", export(&library, "GetClassObject"))?,
                destroy_object: required("DestroyObject", export(&library, "DestroyObject"))?,
                get_class_names: required("GetClassNames", export(&library, "GetClassNames"))?,
                set_platform_capabilities: export(&library, "SetPlatformCapabilities"),
                get_attach_type: export(&library, "GetAttachType"),
                library,
            })
        }
    }

    /// Returns the library to the system's loader; true if the loader unloaded it.
    pub(crate) fn close(self) -> bool {
        self.library.close().is_ok()
    }

    pub(crate) fn class_names(&self) -> String {
        // SAFETY: the export's contract: a NUL-terminated string that stays the library's, or null.
        unsafe { read_string((self.get_class_names)()) }
    }

    pub(crate) fn set_platform_capabilities(&self, capabilities: i32) -> Option<i32> {
        self.set_platform_capabilities
            // SAFETY: the export's contract.
            .map(|function| unsafe { function(capabilities) })
    }

    pub(crate) fn attach_type(&self) -> Option<i32> {
        // SAFETY: the export's contract.
        self.get_attach_type.map(|function| unsafe { function() })
    }

    /// The result of `GetClassObject`, and the object if it made one.
    pub(crate) fn get_class_object(&self, class: &str) -> (i64, Option<Component>) {
        let class = nul_terminated(class);
        let mut object = ptr::null_mut();
        // SAFETY: the export's contract; both pointers are valid for the call.
        let result = unsafe { (self.get_class_object)(class.as_ptr(), &mut object) };
        #[allow(clippy::useless_conversion)] // c_long is i64 on some targets
        let result = result.into();
        (result, (!object.is_null()).then_some(Component(object)))
    }

    /// Destroys an object. Its handle must not be used afterwards.
    pub(crate) fn destroy_object(&self, component: &Component) {
        let mut object = component.0;
        // SAFETY: the object came from this library, and the caller does not use it again.
        unsafe { (self.destroy_object)(&mut object) };
    }
}

/// An `IComponentBase`: four base classes, each a pointer to its vtable. Add-ins built against the vendor's older
/// headers lack the last.
#[repr(C)]
struct Subobjects {
    init_done: *const InitDone,
    language_extender: *const LanguageExtender,
    locale: *const Locale,
    user_language: *const UserLanguage,
}

/// `IInitDoneBase`.
#[repr(C)]
struct InitDone {
    destructor: DestructorSlots,
    init: unsafe extern "system" fn(*mut c_void, *const ConnectionObject) -> Bool,
    set_mem_manager: unsafe extern "system" fn(*mut c_void, *const MemoryManager) -> Bool,
    get_info: unsafe extern "system" fn(*mut c_void) -> c_long,
    done: unsafe extern "system" fn(*mut c_void),
}

/// `ILanguageExtenderBase`.
#[repr(C)]
struct LanguageExtender {
    destructor: DestructorSlots,
    register_extension_as: unsafe extern "system" fn(*mut c_void, *mut *mut u16) -> Bool,
    get_n_props: unsafe extern "system" fn(*mut c_void) -> c_long,
    find_prop: unsafe extern "system" fn(*mut c_void, *const u16) -> c_long,
    get_prop_name: unsafe extern "system" fn(*mut c_void, c_long, c_long) -> *const u16,
    get_prop_val: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant) -> Bool,
    set_prop_val: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant) -> Bool,
    is_prop_readable: unsafe extern "system" fn(*mut c_void, c_long) -> Bool,
    is_prop_writable: unsafe extern "system" fn(*mut c_void, c_long) -> Bool,
    get_n_methods: unsafe extern "system" fn(*mut c_void) -> c_long,
    find_method: unsafe extern "system" fn(*mut c_void, *const u16) -> c_long,
    get_method_name: unsafe extern "system" fn(*mut c_void, c_long, c_long) -> *const u16,
    get_n_params: unsafe extern "system" fn(*mut c_void, c_long) -> c_long,
    get_param_def_value: unsafe extern "system" fn(*mut c_void, c_long, c_long, *mut Variant) -> Bool,
    has_ret_val: unsafe extern "system" fn(*mut c_void, c_long) -> Bool,
    call_as_proc: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant, c_long) -> Bool,
    call_as_func: unsafe extern "system" fn(*mut c_void, c_long, *mut Variant, *mut Variant, c_long) -> Bool,
}

/// `LocaleBase`.
#[repr(C)]
struct Locale {
    destructor: DestructorSlots,
    set_locale: unsafe extern "system" fn(*mut c_void, *const u16),
}

/// `UserLanguageBase`.
#[repr(C)]
struct UserLanguage {
    destructor: DestructorSlots,
    set_user_interface_language_code: unsafe extern "system" fn(*mut c_void, *const u16),
}

/// An object of the add-in.
pub(crate) struct Component(*mut Subobjects);

// SAFETY: the Native API lets an object be called from any thread.
unsafe impl Send for Component {}
// SAFETY: the platform's asynchronous methods may call an object while another thread is inside a call of it. The add-in must allow
// that; a test that makes such calls tests exactly this.
unsafe impl Sync for Component {}

/// Calls a virtual function of one of the base classes.
macro_rules! call {
    ($component:expr, $class:ident . $function:ident ( $($argument:expr),* )) => {{
        let object: *mut Subobjects = $component.0;
        // SAFETY: the object is alive until `delete` or `destroy_object`, its base classes and their
        // functions are laid out as declared above, and pointers among the arguments are valid for the call.
        unsafe {
            let this = &raw mut (*object).$class;
            ((**this).$function)(this.cast() $(, $argument)*)
        }
    }};
}

impl Component {
    pub(crate) fn init(&self, platform: &Platform) -> bool {
        call!(self, init_done.init(&raw const platform.connection)) != 0
    }

    pub(crate) fn set_mem_manager(&self, platform: &Platform) -> bool {
        call!(self, init_done.set_mem_manager(&raw const platform.memory_manager)) != 0
    }

    pub(crate) fn info(&self) -> c_long {
        call!(self, init_done.get_info())
    }

    pub(crate) fn done(&self) {
        call!(self, init_done.done());
    }

    /// `delete object`, as a host does that does not use `DestroyObject`. The handle must not be used afterwards.
    pub(crate) fn delete(&self) {
        // SAFETY: the object is alive, and the caller does not use it again.
        unsafe {
            let this = &raw mut (*self.0).init_done;
            let deleting = (**this).destructor.deleting;
            #[cfg(windows)]
            deleting(this.cast(), 1);
            #[cfg(not(windows))]
            deleting(this.cast());
        }
    }

    pub(crate) fn register_extension_as(&self, platform: &Platform) -> Option<String> {
        let mut name = ptr::null_mut();
        let accepted = call!(self, language_extender.register_extension_as(&mut name)) != 0;
        // SAFETY: the add-in returns null or a NUL-terminated string.
        let name = unsafe { take_name(name, platform.memory()) };
        name.filter(|_| accepted)
    }

    pub(crate) fn property_count(&self) -> c_long {
        call!(self, language_extender.get_n_props())
    }

    pub(crate) fn find_property(&self, name: &str) -> c_long {
        let name = nul_terminated(name);
        call!(self, language_extender.find_prop(name.as_ptr()))
    }

    pub(crate) fn property_name(&self, index: i32, alias: i32, platform: &Platform) -> Option<String> {
        let name = call!(self, language_extender.get_prop_name(index.into(), alias.into()));
        // SAFETY: the add-in returns null or a NUL-terminated string.
        unsafe { take_name(name, platform.memory()) }
    }

    pub(crate) fn property(&self, index: i32, platform: &Platform) -> Option<Value> {
        let mut variant = Block::one(platform.unaligned_variants);
        let succeeded = call!(self, language_extender.get_prop_val(index.into(), variant.as_mut_ptr())) != 0;
        succeeded.then(|| variant.take(platform.memory()))
    }

    pub(crate) fn set_property(&self, index: i32, value: Value, platform: &Platform) -> bool {
        let mut values = [value];
        let mut arguments = Arguments::new(&values, platform);
        let variant = arguments.as_mut_ptr();
        let succeeded = call!(self, language_extender.set_prop_val(index.into(), variant)) != 0;
        arguments.read_back(&mut values, platform.memory());
        succeeded
    }

    pub(crate) fn is_property_readable(&self, index: i32) -> bool {
        call!(self, language_extender.is_prop_readable(index.into())) != 0
    }

    pub(crate) fn is_property_writable(&self, index: i32) -> bool {
        call!(self, language_extender.is_prop_writable(index.into())) != 0
    }

    pub(crate) fn method_count(&self) -> c_long {
        call!(self, language_extender.get_n_methods())
    }

    pub(crate) fn find_method(&self, name: &str) -> c_long {
        let name = nul_terminated(name);
        call!(self, language_extender.find_method(name.as_ptr()))
    }

    pub(crate) fn method_name(&self, index: i32, alias: i32, platform: &Platform) -> Option<String> {
        let name = call!(self, language_extender.get_method_name(index.into(), alias.into()));
        // SAFETY: the add-in returns null or a NUL-terminated string.
        unsafe { take_name(name, platform.memory()) }
    }

    pub(crate) fn parameter_count(&self, method: i32) -> c_long {
        call!(self, language_extender.get_n_params(method.into()))
    }

    pub(crate) fn parameter_default(&self, method: i32, parameter: i32, platform: &Platform) -> Option<Value> {
        let mut variant = Block::one(platform.unaligned_variants);
        let target = variant.as_mut_ptr();
        let succeeded =
            call!(self, language_extender.get_param_def_value(method.into(), parameter.into(), target)) != 0;
        succeeded.then(|| variant.take(platform.memory()))
    }

    pub(crate) fn has_return_value(&self, method: i32) -> bool {
        call!(self, language_extender.has_ret_val(method.into())) != 0
    }

    /// `CallAsProc`; what the add-in writes into the parameters comes back in `values`.
    pub(crate) fn call_as_procedure(&self, method: i32, values: &mut [Value], platform: &Platform) -> bool {
        let mut arguments = Arguments::new(values, platform);
        let (variants, len) = (arguments.as_mut_ptr(), arguments.len());
        let succeeded = call!(self, language_extender.call_as_proc(method.into(), variants, len)) != 0;
        arguments.read_back(values, platform.memory());
        succeeded
    }

    /// `CallAsFunc`; what the add-in writes into the parameters comes back in `values`.
    pub(crate) fn call_as_function(&self, method: i32, values: &mut [Value], platform: &Platform) -> Option<Value> {
        let mut arguments = Arguments::new(values, platform);
        let (variants, len) = (arguments.as_mut_ptr(), arguments.len());
        let mut result = Block::one(platform.unaligned_variants);
        let target = result.as_mut_ptr();
        let succeeded = call!(self, language_extender.call_as_func(method.into(), target, variants, len)) != 0;
        arguments.read_back(values, platform.memory());
        succeeded.then(|| result.take(platform.memory()))
    }

    pub(crate) fn set_locale(&self, locale: &str) {
        let locale = nul_terminated(locale);
        call!(self, locale.set_locale(locale.as_ptr()));
    }

    pub(crate) fn set_user_interface_language_code(&self, language: &str) {
        let language = nul_terminated(language);
        call!(self, user_language.set_user_interface_language_code(language.as_ptr()));
    }
}
