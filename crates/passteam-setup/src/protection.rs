//! The extension's properties in a base, by whichever program of the platform can read and set them: `ibcmd` for a file base,
//! the Designer's agent for a base of a cluster, and where there is no `ibcmd` or it fails: an old one does not know extensions.
//! No batch command of the Designer can.

use crate::agent;
use crate::error::SetupError;
use crate::ibcmd::Ibcmd;
use crate::process::Ending;
use crate::properties::Properties;
use crate::session::Session;

/// Reads them. `None`: the base has no such extension.
///
/// # Errors
/// The program that should tell does not start, is refused by the base, or does not answer in time.
pub(crate) fn read(session: &Session) -> Result<Option<Properties>, SetupError> {
    match by_ibcmd(session, |ibcmd| ibcmd.properties())? {
        Some(found) => Ok(found),
        None => agent::properties(session),
    }
}

/// Turns safe mode and the protection from dangerous actions off, for this extension alone, and reads the properties back.
///
/// # Errors
/// As [`read`].
pub(crate) fn allow_the_addin(session: &Session) -> Result<Option<Properties>, SetupError> {
    let by_ibcmd = by_ibcmd(session, |ibcmd| {
        ibcmd.allow_the_addin()?;
        ibcmd.properties()
    });
    match by_ibcmd? {
        Some(found) => Ok(found),
        None => agent::allow_the_addin(session),
    }
}

/// What `ibcmd` says; `None` if that is left to the agent.
fn by_ibcmd(
    session: &Session,
    ask: impl FnOnce(&Ibcmd) -> Result<Option<Properties>, SetupError>,
) -> Result<Option<Option<Properties>>, SetupError> {
    if session.ibcmd_failed.get() {
        return Ok(None);
    }
    let Some(ibcmd) = Ibcmd::of(session) else { return Ok(None) };
    match ask(&ibcmd) {
        Ok(found) => Ok(Some(found)),
        // It asks for a user, and the agent would too.
        Err(error @ SetupError::Command { ending: Ending::Endless, .. }) if session.user.is_none() => Err(error),
        Err(error) => {
            session.ibcmd_failed.set(true);
            session.console.say(&error.text());
            Ok(None)
        }
    }
}
