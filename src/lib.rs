//! `passteam`: a native add-in (внешняя компонента) of 1С:Предприятие 8.3 for electronic loyalty cards.
//!
//! This file holds the five functions that the platform looks up by name (official header `ComponentBase.h`), nothing else.

#![allow(unsafe_code)]

mod arguments;
mod component;
mod diagnosis;
mod language;
mod last_call;
mod local_time;
mod log_file;
mod log_writer;
mod members;
mod messages;
mod misuse;
mod names;
mod platform;
mod properties;
mod surroundings;
mod turns;
mod utf16;
mod value;
mod variant;

use std::ffi::{c_int, c_long};
use std::ptr;

use addin1c::AttachType;

use platform::{Object, guard};

/// `eAppCapabilities3` of `ComponentBase.h`: the platform's newest set of features that this component knows.
const APP_CAPABILITIES_3: c_int = 3;

/// `Passteam` with its terminating NUL, in UTF-16.
static CLASS_NAMES: [u16; platform::CLASS_NAME.len() + 1] = utf16::encode(platform::CLASS_NAME);

/// Makes an object of class `name` and stores it in `object`; 0 if there is no such class.
///
/// # Safety
/// `name` is null or ends with a NUL; `object` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetClassObject(name: *const u16, object: *mut *mut Object) -> c_long {
    guard(0, || {
        // SAFETY: the caller guarantees the name.
        let Some(name) = (unsafe { variant::read_name(name) }) else { return 0 };
        if object.is_null() {
            return 0;
        }
        let made = platform::create(&String::from_utf16_lossy(name));
        // SAFETY: not null, and the caller guarantees it.
        unsafe { *object = made };
        c_long::from(!made.is_null())
    })
}

/// Frees the object and clears the pointer; 0 in any case, as the official example does.
///
/// # Safety
/// `object` is null or holds null or an object of [`GetClassObject`] that is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyObject(object: *mut *mut Object) -> c_long {
    guard(0, || {
        // SAFETY: the caller guarantees both pointers.
        unsafe {
            if !object.is_null() && !(*object).is_null() {
                platform::destroy(ptr::replace(object, ptr::null_mut()));
            }
        }
        0
    })
}

/// The names of the classes, separated by `|`.
#[unsafe(no_mangle)]
pub extern "C" fn GetClassNames() -> *const u16 {
    CLASS_NAMES.as_ptr()
}

/// Notes the platform's capabilities and returns the component's.
#[unsafe(no_mangle)]
pub extern "C" fn SetPlatformCapabilities(capabilities: c_int) -> c_int {
    platform::note_capabilities(capabilities);
    APP_CAPABILITIES_3
}

/// How the component can be attached: in the platform's process or in one of its own.
#[unsafe(no_mangle)]
pub extern "C" fn GetAttachType() -> c_int {
    AttachType::Any as c_int
}
