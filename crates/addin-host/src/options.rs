//! What differs between hosts of add-ins.

use crate::connection::EventQueue;

/// How a host creates, calls and destroys an object. The default is what the 1C platform does.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    /// The argument of `SetLocale` after creation, for example `ru_RU`; `None`: no call.
    pub locale: Option<String>,
    /// The argument of `SetUserInterfaceLanguageCode` after creation, for example `ru`; `None`: no call.
    /// Add-ins built against the vendor's older headers lack that function, and calling it ends the process.
    pub ui_language: Option<String>,
    /// Passes an empty string as a null pointer.
    pub null_empty_strings: bool,
    /// Aligns variants to 4 bytes only, as the stack of 32-bit Windows does.
    pub unaligned_variants: bool,
    /// How the object is destroyed.
    pub destroy: Destroy,
    /// Refuses an `AllocMemory` of zero bytes.
    pub zero_allocation_is_null: bool,
    /// What a refused `AllocMemory` leaves in the add-in's pointer.
    pub allocation_refusal: AllocationRefusal,
    /// Calls `Init` before `setMemManager` instead of after it.
    pub init_first: bool,
    /// Does not call `Init`.
    pub skip_init: bool,
    /// Does not call `setMemManager`.
    pub skip_memory_manager: bool,
    /// The queue of external events.
    pub event_queue: EventQueue,
    /// The answer of `IPlatformInfo`.
    pub application: Application,
    /// The answer of `IAttachedInfo`: whether the add-in runs in a process of its own.
    pub isolated: bool,
}

/// How a host destroys an object, after `Done`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Destroy {
    /// Through the export, as the platform does.
    #[default]
    DestroyObject,
    /// Through the virtual destructor, as `delete` in C++ does.
    VirtualDestructor,
}

/// What a refused `AllocMemory` leaves in the add-in's pointer, besides returning false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllocationRefusal {
    /// A null pointer, as documented.
    #[default]
    Null,
    /// The value that was there before.
    Untouched,
}

/// The application in which an add-in runs, as the host tells it.
#[derive(Clone, Debug)]
pub struct Application {
    /// The version of the platform.
    pub version: String,
    /// Which of its programs.
    pub kind: ApplicationKind,
}

impl Default for Application {
    fn default() -> Application {
        Application { version: "8.3.25.1000".to_owned(), kind: ApplicationKind::ThinClient }
    }
}

/// `IPlatformInfo::AppType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum ApplicationKind {
    /// The thin client.
    ThinClient = 0,
    /// The thick client.
    ThickClient = 1,
    /// A browser.
    WebClient = 2,
    /// The server.
    Server = 3,
    /// An external connection.
    ExternalConnection = 4,
}
