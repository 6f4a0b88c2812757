//! What only the operating system can do or tell: it keeps the library mapped, names the library's file, and its own version.

#![allow(unsafe_code)]

use std::path::PathBuf;

/// A helper thread (a slow name look-up) must not outlive its code, so the library stays mapped until the process ends.
/// On Linux a link option does that (build.rs).
#[cfg(not(windows))]
pub fn keep_mapped() {}

/// Pins the DLL in memory.
#[cfg(windows)]
pub fn keep_mapped() {
    use std::sync::Once;

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // If the system refuses, the library can be unmapped like any other.
        windows::this_module(windows::PIN);
    });
}

/// The file that this library was loaded from.
#[cfg(unix)]
pub fn library_file() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
    use std::os::unix::ffi::OsStrExt as _;
    use std::ptr;

    /// `Dl_info` of `dlfcn.h`.
    #[repr(C)]
    struct DlInfo {
        file: *const c_char,
        base: *mut c_void,
        symbol: *const c_char,
        address: *mut c_void,
    }

    unsafe extern "C" {
        fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
    }

    static WITHIN: u8 = 0;

    let mut info = DlInfo { file: ptr::null(), base: ptr::null_mut(), symbol: ptr::null(), address: ptr::null_mut() };
    // SAFETY: the address is one of this very library, and `info` is writable.
    let is_found = unsafe { dladdr(ptr::from_ref(&WITHIN).cast(), &mut info) } != 0;
    if !is_found || info.file.is_null() {
        return None;
    }
    // SAFETY: the loader gives a string that lives as long as the library is loaded.
    let file = unsafe { CStr::from_ptr(info.file) };
    Some(PathBuf::from(OsStr::from_bytes(file.to_bytes())))
}

/// The file that this DLL was loaded from.
#[cfg(windows)]
pub fn library_file() -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::windows::ffi::OsStringExt as _;

    /// The longest path that Windows has.
    const MOST_UNITS: usize = 32_768;

    let module = windows::this_module(windows::LEAVE_COUNT)?;
    let mut path = vec![0_u16; MOST_UNITS];
    // SAFETY: the module is this very library, which is running, and the buffer is as long as it says.
    let length = unsafe { windows::GetModuleFileNameW(module, path.as_mut_ptr(), MOST_UNITS as u32) } as usize;
    match path.get(..length) {
        Some(path) if length < MOST_UNITS && !path.is_empty() => Some(PathBuf::from(OsString::from_wide(path))),
        _ => None,
    }
}

/// The version of Windows, such as `10.0.19045`; the system tells it whatever compatibility the host has asked for.
#[cfg(windows)]
pub fn system_version() -> Option<String> {
    let mut version = windows::Version {
        size: size_of::<windows::Version>() as u32,
        major: 0,
        minor: 0,
        build: 0,
        platform: 0,
        service_pack: [0; 128],
    };
    // SAFETY: the structure is writable and names its own size.
    let status = unsafe { windows::RtlGetVersion(&mut version) };
    (status == 0).then(|| format!("{}.{}.{}", version.major, version.minor, version.build))
}

/// The version of the system, if it has none beside its name.
#[cfg(not(windows))]
pub fn system_version() -> Option<String> {
    None
}

#[cfg(windows)]
mod windows {
    use std::ffi::c_void;
    use std::ptr;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
        pub(super) fn GetModuleFileNameW(module: *mut c_void, path: *mut u16, units: u32) -> u32;
    }

    #[link(name = "ntdll")]
    unsafe extern "system" {
        pub(super) fn RtlGetVersion(version: *mut Version) -> i32;
    }

    /// `OSVERSIONINFOW`.
    #[repr(C)]
    pub(super) struct Version {
        pub(super) size: u32,
        pub(super) major: u32,
        pub(super) minor: u32,
        pub(super) build: u32,
        pub(super) platform: u32,
        pub(super) service_pack: [u16; 128],
    }

    /// Keeps the module mapped for ever.
    pub(super) const PIN: u32 = 1;
    /// Does not count as a use of the module.
    pub(super) const LEAVE_COUNT: u32 = 2;
    const FROM_ADDRESS: u32 = 4;

    /// The module of this very code.
    pub(super) fn this_module(flags: u32) -> Option<*mut c_void> {
        static WITHIN: u8 = 0;

        let mut module = ptr::null_mut();
        // SAFETY: the address is one of this very library, and `module` is writable.
        let is_found =
            unsafe { GetModuleHandleExW(flags | FROM_ADDRESS, ptr::from_ref(&WITHIN).cast(), &mut module) } != 0;
        (is_found && !module.is_null()).then_some(module)
    }
}
