//! What the platform gives to an object: its memory manager, `AddError` and external events.
//!
//! Layouts follow the official headers `IMemoryManager.h` and `AddInDefBase.h`. Strings (`CString1C`) and events are those of
//! `addin1c`; `AddError` is private there, and its allocation asks for zero bytes for an empty string, so these two are our own.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_ulong, c_ushort, c_void};
use std::ptr;
#[cfg(not(windows))]
use std::sync::atomic::AtomicI32;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use addin1c::CString1C;

use crate::utf16::{self, Utf16};
use crate::variant::write_text;

/// The class: what `GetClassNames` offers and `RegisterExtensionAs` answers.
pub const CLASS_NAME: &str = "Passteam";
/// The class as the source of exceptions, with a NUL.
static SOURCE: [u16; CLASS_NAME.len() + 1] = utf16::encode(CLASS_NAME);
/// `ADDIN_E_FAIL` of `types.h`: a failure without a message box.
const ADDIN_E_FAIL: c_ushort = 1006;
/// `E_FAIL`; any code that is not zero makes the platform raise an exception.
const E_FAIL: c_long = 0x8000_4005_u32 as c_long;
/// How many events may wait in the platform's queue, whose default depth is one.
const EVENT_QUEUE: c_long = 16;

/// The platform's interfaces, as one object got them; null before `Init` and after `Done`. Any thread may use them.
#[derive(Default)]
pub struct Host {
    memory: AtomicPtr<MemoryManager>,
    connection: AtomicPtr<Connection>,
    event_queue_raised: AtomicBool,
}

/// `IMemoryManager`.
#[repr(C)]
pub struct MemoryManager {
    table: *const MemoryManagerTable,
}

#[repr(C)]
struct MemoryManagerTable {
    destructors: ForeignDestructors,
    alloc_memory: unsafe extern "system" fn(*mut MemoryManager, *mut *mut c_void, c_ulong) -> bool,
    free_memory: unsafe extern "system" fn(*mut MemoryManager, *mut *mut c_void),
}

/// `IAddInDefBase`, the part that is used.
#[repr(C)]
pub struct Connection {
    table: *const ConnectionTable,
}

#[repr(C)]
struct ConnectionTable {
    destructors: ForeignDestructors,
    add_error: unsafe extern "system" fn(*mut Connection, c_ushort, *const u16, *const u16, c_long) -> bool,
    /// `Read` to `ResetStatusLine`.
    #[cfg(not(windows))]
    unused: [usize; 9],
    /// Of `IAddInDefBaseEx`, which older platforms do not have.
    #[cfg(not(windows))]
    get_interface: unsafe extern "system" fn(*mut Connection, c_int) -> *mut AttachedInfo,
}

/// `IAttachedInfo`.
#[cfg(not(windows))]
#[repr(C)]
struct AttachedInfo {
    table: *const AttachedInfoTable,
}

#[cfg(not(windows))]
#[repr(C)]
struct AttachedInfoTable {
    get_attached_info: unsafe extern "system" fn(*const AttachedInfo) -> c_int,
}

/// What the platform has said by `SetPlatformCapabilities`.
#[cfg(not(windows))]
static CAPABILITIES: AtomicI32 = AtomicI32::new(0);

/// Notes the platform's capabilities, which say what interfaces it has.
#[cfg(not(windows))]
pub fn note_capabilities(capabilities: c_int) {
    CAPABILITIES.store(capabilities, Ordering::Relaxed);
}

/// Nothing that is asked of the platform on Windows depends on them.
#[cfg(windows)]
pub fn note_capabilities(_: c_int) {}

/// A virtual destructor takes one slot under MSVC, two under the Itanium ABI.
#[cfg(windows)]
type ForeignDestructors = [usize; 1];
#[cfg(not(windows))]
type ForeignDestructors = [usize; 2];

impl Host {
    /// Sets the memory manager.
    ///
    /// # Safety
    /// It is null or lives as long as the object.
    pub unsafe fn set_memory(&self, memory: *mut MemoryManager) {
        self.memory.store(memory, Ordering::Release);
    }

    /// Sets the connection.
    ///
    /// # Safety
    /// It is null or lives until [`Host::forget_connection`] or another one.
    pub unsafe fn set_connection(&self, connection: *mut Connection) {
        self.connection.store(connection, Ordering::Release);
    }

    /// Ends the connection's use.
    pub fn forget_connection(&self) {
        self.connection.store(ptr::null_mut(), Ordering::Release);
    }

    /// A block of the platform's memory manager; null if there is no manager or no memory.
    pub fn allocate(&self, bytes: usize) -> *mut u16 {
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

    /// A name in the platform's memory; null if there is no memory.
    pub fn name(&self, text: &str) -> *const u16 {
        // SAFETY: `allocate` gives null or a block of the size asked for, as `malloc` aligns it.
        unsafe { write_text(text, |bytes| self.allocate(bytes)) }.map_or(ptr::null(), |(start, _)| start.cast_const())
    }

    /// Raises a BSL exception when the platform's current call returns.
    pub fn add_error(&self, text: &mut Utf16) {
        let connection = self.connection.load(Ordering::Acquire);
        if connection.is_null() {
            return;
        }
        text.with_nul(|text| {
            // SAFETY: between `Init` and `Done` the connection is alive, and this is a call of the platform.
            unsafe {
                ((*(*connection).table).add_error)(connection, ADDIN_E_FAIL, SOURCE.as_ptr(), text.as_ptr(), E_FAIL);
            }
        });
    }

    /// Whether the platform has attached the add-in in a process of the add-in's own; `None` if that cannot be told.
    ///
    /// On Windows it is not asked: `IInterface` has no virtual functions, so that MSVC places it behind the table of the interface
    /// that derives from it, other compilers at its beginning, and a pointer does not say which compiler made it.
    #[cfg(windows)]
    pub fn is_isolated(&self) -> Option<bool> {
        None
    }

    /// Whether the platform has attached the add-in in a process of the add-in's own; `None` if it does not say.
    #[cfg(not(windows))]
    pub fn is_isolated(&self) -> Option<bool> {
        /// `eAppCapabilities3`: the first platforms that attach in both ways.
        const BOTH_WAYS: c_int = 3;
        /// `eIAttachedInfo`.
        const ATTACHED_INFO: c_int = 2;
        /// `IAttachedInfo::AttachedType`.
        const ISOLATED: c_int = 0;
        const NOT_ISOLATED: c_int = 1;

        let connection = self.connection.load(Ordering::Acquire);
        if connection.is_null() || CAPABILITIES.load(Ordering::Relaxed) < BOTH_WAYS {
            return None;
        }
        // SAFETY: between `Init` and `Done` the connection is alive, and this is a call of the platform, which has told by its
        // capabilities that its connection has `GetInterface`. What that gives lives as long.
        let attached = unsafe {
            let info = ((*(*connection).table).get_interface)(connection, ATTACHED_INFO);
            if info.is_null() {
                return None;
            }
            ((*(*info).table).get_attached_info)(info)
        };
        match attached {
            ISOLATED => Some(true),
            NOT_ISOLATED => Some(false),
            _ => None,
        }
    }

    /// Sends an external event; on a server, and if the queue is full, the platform drops it.
    pub fn external_event(&self, name: &str, data: &str) {
        let connection = self.connection.load(Ordering::Acquire);
        // SAFETY: between `Init` and `Done` the connection is alive, and this is a call of the platform; `addin1c`'s type
        // stands for the same interface.
        let Some(connection) = (unsafe { connection.cast::<addin1c::Connection>().as_ref() }) else { return };
        if !self.event_queue_raised.swap(true, Ordering::Relaxed) && connection.get_event_buffer_depth() < EVENT_QUEUE {
            connection.set_event_buffer_depth(EVENT_QUEUE);
        }
        connection.external_event(CString1C::new(CLASS_NAME), CString1C::new(name), CString1C::new(data));
    }
}
