//! Errors of the system that say nothing of the other side: this process has no more of something.

use std::io;

/// No file descriptors, ports or memory: nothing that the other side could help.
pub(super) fn is_lack_of_resources(error: &io::Error) -> bool {
    #[cfg(unix)]
    let lacks_descriptors = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    /// `WSAEMFILE` and `WSAENOBUFS` of `winsock2.h`.
    #[cfg(not(unix))]
    const NO_SOCKETS: i32 = 10_024;
    #[cfg(not(unix))]
    const NO_BUFFERS: i32 = 10_055;
    #[cfg(not(unix))]
    let lacks_descriptors = matches!(error.raw_os_error(), Some(NO_SOCKETS | NO_BUFFERS));
    lacks_descriptors || matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::AddrInUse)
}
