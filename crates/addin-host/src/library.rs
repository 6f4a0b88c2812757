//! A loaded add-in library.

use std::path::{self, Path};
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::{self, Component, Exports, OpenFailure, Platform};
use crate::bundle::Bundle;
use crate::error::AttachError;
use crate::loaded::Loaded;
use crate::manifest::{THIS_ARCH, THIS_OS};
use crate::object::Object;
use crate::options::HostOptions;

/// A loaded add-in. Clones share it; it is unloaded when the last clone and the last [`Object`] are dropped.
#[derive(Clone)]
pub struct Library(Arc<Loaded>);

/// What the platform gave to objects. It lives as long as the process: a thread of the add-in may use it after its object is
/// destroyed, and after the library is closed if that is linked with `-z nodelete`.
static PLATFORMS: Mutex<Vec<Arc<Platform>>> = Mutex::new(Vec::new());

impl Library {
    /// Loads a library and tells it the platform's capabilities. From a zip it loads the library that the manifest names for this
    /// operating system and architecture.
    ///
    /// Loading runs native code: open only what you would run.
    pub fn open(path: &Path) -> Result<Library, AttachError> {
        let (path, folder) = if let Some(mut bundle) = Bundle::open_if_zip(path)? {
            let entry = bundle.entry_for(THIS_OS, THIS_ARCH)?.clone();
            let folder = tempfile::Builder::new().prefix("addin-host-").tempdir()?;
            (bundle.unpack(&entry, folder.path())?, Some(folder))
        } else {
            // The system's loader looks for a bare file name in its own folders.
            (path::absolute(path)?, None)
        };
        let exports = Exports::load(&path).map_err(|failure| match failure {
            OpenFailure::Load(message) => AttachError::Load { path, message },
            OpenFailure::MissingExport(missing) => AttachError::NotAnAddIn { missing },
        })?;
        exports.set_platform_capabilities(abi::CAPABILITIES);
        Ok(Library(Arc::new(Loaded::new(exports, folder))))
    }

    /// `GetClassNames`, split at its vertical bars.
    pub fn class_names(&self) -> Vec<String> {
        let names = self.0.exports().class_names();
        let names = names.split('|').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// `GetAttachType`; `None` if the library does not export it.
    pub fn attach_type(&self) -> Option<i32> {
        self.0.exports().attach_type()
    }

    /// `SetPlatformCapabilities`; `None` if the library does not export it.
    pub fn set_platform_capabilities(&self, capabilities: i32) -> Option<i32> {
        self.0.exports().set_platform_capabilities(capabilities)
    }

    /// Creates an object as the platform does by default.
    pub fn create(&self, class: &str) -> Result<Object, AttachError> {
        self.create_with(class, HostOptions::default())
    }

    /// Creates an object as a host with these options does.
    ///
    /// About a kilobyte for each object stays allocated until the process ends: its memory manager and connection, which
    /// a thread of the add-in may use at any time.
    pub fn create_with(&self, class: &str, options: HostOptions) -> Result<Object, AttachError> {
        let (result, component) = self.0.exports().get_class_object(class);
        let component = match component {
            Some(component) if result != 0 => component,
            unwanted => {
                self.destroy_unwanted(unwanted);
                return Err(AttachError::NoSuchClass { class: class.to_owned(), offered: self.class_names() });
            }
        };
        let platform = Platform::new(&options);
        PLATFORMS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&platform));
        Object::attach(Arc::clone(&self.0), component, platform, options)
    }

    /// What `GetClassObject` returns; an object it makes is destroyed at once.
    pub fn raw_get_class_object(&self, class: &str) -> i64 {
        let (result, component) = self.0.exports().get_class_object(class);
        self.destroy_unwanted(component);
        result
    }

    /// Unloads the library; false if a clone or an object still uses it, or if the system's loader refuses. A library linked with
    /// `-z nodelete` stays mapped even after true.
    pub fn close(self) -> bool {
        Arc::into_inner(self.0).is_some_and(Loaded::close)
    }

    fn destroy_unwanted(&self, component: Option<Component>) {
        if let Some(component) = component {
            self.0.exports().destroy_object(&component);
        }
    }
}
