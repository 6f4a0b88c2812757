//! The memory layout of the object that the platform holds, after the official header `ComponentBase.h`.
//!
//! The functions behind the interfaces are in [`super::vtables`].

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use super::state::State;

/// `IComponentBase`: the pointers to the tables of four interfaces, in the order of [`interface`], then our state.
#[repr(C)]
pub struct Object {
    tables: [*const c_void; 4],
    /// Shared with the calls under way, which may outlive the object.
    state: Arc<State>,
}

/// The place of each interface's pointer in [`Object`].
pub mod interface {
    /// `IInitDoneBase`.
    pub const INIT_DONE: usize = 0;
    /// `ILanguageExtenderBase`.
    pub const LANGUAGE_EXTENDER: usize = 1;
    /// `LocaleBase`.
    pub const LOCALE: usize = 2;
    /// `UserLanguageBase`.
    pub const USER_LANGUAGE: usize = 3;
}

/// Makes an object whose interfaces have these function tables, in the order of [`interface`].
///
/// # Safety
/// Each table is the one of its interface and lives for ever.
pub unsafe fn create(tables: [*const c_void; 4]) -> *mut Object {
    Box::into_raw(Box::new(Object { tables, state: Arc::default() }))
}

/// Frees an object.
///
/// # Safety
/// `object` comes from [`create`] and is not used again.
pub unsafe fn destroy(object: *mut Object) {
    // SAFETY: made by `Box::into_raw` in `create`, and given up by the caller.
    let object = unsafe { Box::from_raw(object) };
    // A host that has not called `Done` gets no more from a batch of another thread, which ends soon and is not waited for.
    object.state.abandon();
}

/// The state of the object whose interface `INTERFACE` is `this`.
///
/// # Safety
/// `this` is null or the address of that interface's pointer in a living object.
pub unsafe fn state_of<const INTERFACE: usize>(this: *mut c_void) -> Option<Arc<State>> {
    if this.is_null() {
        return None;
    }
    // SAFETY: the interfaces' pointers are the object's first fields, one pointer each.
    let object = unsafe { this.cast::<*const c_void>().sub(INTERFACE).cast::<Object>().as_ref() };
    object.map(|object| Arc::clone(&object.state))
}
