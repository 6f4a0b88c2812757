//! A loaded add-in library.

use std::path::{self, Path};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use crate::abi::{self, Component, Exports, OpenFailure, Platform};
use crate::bundle::{Bundle, THIS_ARCH, THIS_OS};
use crate::error::AttachError;
use crate::object::Object;
use crate::options::HostOptions;

/// A loaded add-in. Clones share it; it is unloaded when the last clone and the last [`Object`] are gone.
#[derive(Clone)]
pub struct Library(Arc<Loaded>);

/// What objects were given by the platform, for as long as the process lives: a thread of the add-in may use it longer
/// than its object lives, and longer than the library counts as loaded where it is linked with `-z nodelete`.
static PLATFORMS: Mutex<Vec<Arc<Platform>>> = Mutex::new(Vec::new());

struct Loaded {
    exports: Exports,
    /// Where the library was unpacked; removed after it is unloaded.
    _folder: Option<TempDir>,
}

impl Library {
    /// Loads a library, or from a zip the one its manifest names for this operating system and architecture, and
    /// tells it the platform's capabilities.
    ///
    /// Loading runs native code: open only what you would run.
    pub fn open(path: &Path) -> Result<Library, AttachError> {
        let (path, folder) = if let Some(mut bundle) = Bundle::open_if_zip(path)? {
            let entry = bundle.entry_for(THIS_OS, THIS_ARCH)?.clone();
            let folder = tempfile::Builder::new().prefix("addin-host-").tempdir()?;
            (bundle.unpack(&entry, folder.path())?, Some(folder))
        } else {
            // A bare file name would be looked for in the system's folders.
            (path::absolute(path)?, None)
        };
        let exports = Exports::load(&path).map_err(|failure| match failure {
            OpenFailure::Load(message) => AttachError::Load { path, message },
            OpenFailure::MissingExport(missing) => AttachError::NotAnAddIn { missing },
        })?;
        exports.set_platform_capabilities(abi::CAPABILITIES);
        Ok(Library(Arc::new(Loaded { exports, _folder: folder })))
    }

    /// `GetClassNames`, taken apart at its bars.
    pub fn class_names(&self) -> Vec<String> {
        let names = self.0.exports.class_names();
        let names = names.split('|').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// `GetAttachType`; `None` where the library does not export it.
    pub fn attach_type(&self) -> Option<i32> {
        self.0.exports.attach_type()
    }

    /// `SetPlatformCapabilities`; `None` where the library does not export it.
    pub fn set_platform_capabilities(&self, capabilities: i32) -> Option<i32> {
        self.0.exports.set_platform_capabilities(capabilities)
    }

    /// Creates an object as the platform does by default.
    pub fn create(&self, class: &str) -> Result<Object, AttachError> {
        self.create_with(class, HostOptions::default())
    }

    /// Creates an object as a host of another kind does.
    ///
    /// About a kilobyte for each object stays allocated until the process ends: its memory manager and connection, which
    /// a thread of the add-in may use at any time.
    pub fn create_with(&self, class: &str, options: HostOptions) -> Result<Object, AttachError> {
        let (result, component) = self.0.exports.get_class_object(class);
        let component = match component {
            Some(component) if result != 0 => component,
            unwanted => {
                self.destroy_unwanted(unwanted);
                return Err(AttachError::NoSuchClass { class: class.to_owned(), offered: self.class_names() });
            }
        };
        let platform = Platform::new(&options);
        PLATFORMS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&platform));
        Object::attach(self.clone(), component, platform, options)
    }

    /// What `GetClassObject` returns; an object it makes is destroyed at once.
    pub fn raw_get_class_object(&self, class: &str) -> i64 {
        let (result, component) = self.0.exports.get_class_object(class);
        self.destroy_unwanted(component);
        result
    }

    /// Unloads the library; false where something still holds it, or the system's loader would not let it go. A
    /// library linked with `-z nodelete` stays mapped all the same.
    pub fn close(self) -> bool {
        Arc::into_inner(self.0).is_some_and(|loaded| loaded.exports.close())
    }

    pub(crate) fn destroy_object(&self, component: Component) {
        self.0.exports.destroy_object(component);
    }

    fn destroy_unwanted(&self, component: Option<Component>) {
        if let Some(component) = component {
            self.destroy_object(component);
        }
    }
}
