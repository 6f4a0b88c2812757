//! The virtual destructor that begins each of the object's function tables.
//!
//! Our own because the tables of `addin1c` have null destructors, which a host that does `delete component` jumps to.

#![allow(unsafe_code)]

#[cfg(windows)]
use std::ffi::c_uint;
use std::ffi::c_void;

use super::guard::guard;
use super::object::{Object, destroy};

/// Defines the destructor under MSVC: one slot, which frees the object if bit 0 of `flags` is set.
#[cfg(windows)]
macro_rules! define {
    ($abi:literal) => {
        /// The destructor's slots in a table.
        pub type Slots = [unsafe extern $abi fn(*mut c_void, c_uint) -> *mut c_void; 1];

        unsafe extern $abi fn delete<const INTERFACE: usize>(this: *mut c_void, flags: c_uint) -> *mut c_void {
            if flags & 1 != 0 {
                // SAFETY: the host gives up the object whose interface `INTERFACE` it deletes through.
                unsafe { free::<INTERFACE>(this) };
            }
            this
        }
    };
}

#[cfg(all(windows, target_arch = "x86"))]
define!("thiscall");
#[cfg(all(windows, not(target_arch = "x86")))]
define!("system");

/// The destructor for a table of interface `INTERFACE`.
#[cfg(windows)]
pub const fn slots<const INTERFACE: usize>() -> Slots {
    [delete::<INTERFACE>]
}

/// The destructor's slots under the Itanium ABI: one that only destroys the object, one that frees it too.
#[cfg(not(windows))]
pub type Slots = [unsafe extern "system" fn(*mut c_void); 2];

/// A host calls this slot only for a derived class or for memory of its own, and there is neither; `delete` does the work.
#[cfg(not(windows))]
unsafe extern "system" fn destroy_in_place(_: *mut c_void) {}

#[cfg(not(windows))]
unsafe extern "system" fn delete<const INTERFACE: usize>(this: *mut c_void) {
    // SAFETY: the host gives up the object whose interface `INTERFACE` it deletes through.
    unsafe { free::<INTERFACE>(this) };
}

/// The destructor for a table of interface `INTERFACE`.
#[cfg(not(windows))]
pub const fn slots<const INTERFACE: usize>() -> Slots {
    [destroy_in_place, delete::<INTERFACE>]
}

/// Frees the object whose interface `INTERFACE` is `this`.
///
/// # Safety
/// `this` is null or the address of that interface's pointer in an object that is not used again.
unsafe fn free<const INTERFACE: usize>(this: *mut c_void) {
    if !this.is_null() {
        // SAFETY: the interfaces' pointers are the object's first fields, and the caller gives the object up.
        guard((), || unsafe { destroy(this.cast::<*const c_void>().sub(INTERFACE).cast::<Object>()) });
    }
}
