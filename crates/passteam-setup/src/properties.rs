//! What the platform says of an extension in a base.

/// The properties of an extension in a base. `None`: the platform does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) active: Option<bool>,
    pub(crate) safe_mode: Option<bool>,
    pub(crate) unsafe_action_protection: Option<bool>,
    pub(crate) used_in_distributed_infobase: Option<bool>,
}

impl Properties {
    /// Whether the extension may do its work: its server modules run, and the add-in may be attached.
    pub(crate) fn allow_the_addin(&self) -> bool {
        self.safe_mode == Some(false) && self.unsafe_action_protection == Some(false)
    }
}
