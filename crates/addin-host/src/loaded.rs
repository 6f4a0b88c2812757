//! A library in this process, shared by its [`Library`](crate::Library) and its objects.

use tempfile::TempDir;

use crate::abi::Exports;

/// A loaded library and the folder that it was unpacked to.
pub(crate) struct Loaded {
    exports: Exports,
    /// Declared after the library, so that the folder is removed after the library is unloaded.
    _folder: Option<TempDir>,
}

impl Loaded {
    pub(crate) fn new(exports: Exports, folder: Option<TempDir>) -> Loaded {
        Loaded { exports, _folder: folder }
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
    }

    /// Returns the library to the system's loader; true if the loader unloaded it.
    pub(crate) fn close(self) -> bool {
        self.exports.close()
    }
}
