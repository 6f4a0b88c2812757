//! The extension's properties in a base, by whichever program of the platform can read and set them: `ibcmd` for a file base,
//! the Designer's agent for a base of a cluster and where there is no `ibcmd`. No batch command of the Designer can.

use crate::agent;
use crate::error::SetupError;
use crate::ibcmd::Ibcmd;
use crate::properties::Properties;
use crate::session::Session;

/// Reads them. `None`: the base has no such extension.
///
/// # Errors
/// The program that should tell does not start, is refused by the base, or does not answer in time.
pub(crate) fn read(session: &Session) -> Result<Option<Properties>, SetupError> {
    match Ibcmd::of(session) {
        Some(ibcmd) => ibcmd.properties(),
        None => agent::properties(session),
    }
}

/// Turns safe mode and the protection from dangerous actions off, for this extension alone, and reads the properties back.
///
/// # Errors
/// As [`read`].
pub(crate) fn allow_the_addin(session: &Session) -> Result<Option<Properties>, SetupError> {
    match Ibcmd::of(session) {
        Some(ibcmd) => {
            ibcmd.allow_the_addin()?;
            ibcmd.properties()
        }
        None => agent::allow_the_addin(session),
    }
}
