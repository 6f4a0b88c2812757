//! What BSL reads and writes as properties: the settings, the collected values and the results of the last call.
//!
//! Every function here returns at once; calls of the service are in [`crate::component`].

use std::sync::Arc;
use std::time::Duration;

use passteam_client::form::Variables;
use passteam_client::settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};

use crate::last_call::LastCall;
use crate::misuse::Problem;
use crate::value::{Argument, Returned};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Range of `Timeout`, in seconds.
const TIMEOUT_SECONDS: (f64, f64) = (0.1, 600.0);
/// Range of `Retries`.
const RETRIES: (f64, f64) = (0.0, 10.0);
/// Range of `RequestsPerMinute`; 0 sets no limit.
const REQUESTS_PER_MINUTE: (f64, f64) = (0.0, 100_000.0);

/// What an object remembers between its calls.
#[derive(Default)]
pub struct Properties {
    /// How the service is reached; shared with the calls under way.
    pub settings: Arc<Settings>,
    /// `TemplateId`.
    pub template_id: String,
    /// `LogFile`: a path, or empty.
    pub log_file: String,
    /// What `SetValue` has collected for the next call.
    pub collected: Variables,
    /// What the result properties show.
    pub last: LastCall,
}

impl Properties {
    /// Discards the collected values, one customer's data.
    pub fn discard_values(&mut self) {
        self.collected = Variables::default();
    }
}

/// Settings.
impl Properties {
    pub fn set_token(&mut self, value: &Argument) -> Result<(), Problem> {
        self.discard_values();
        Arc::make_mut(&mut self.settings).token = Token::parse(value.as_text()?).map_err(Problem::Token)?;
        Ok(())
    }

    pub fn template_id(&self) -> Returned {
        Returned::Text(self.template_id.clone())
    }

    pub fn set_template_id(&mut self, value: &Argument) -> Result<(), Problem> {
        value.as_text()?.trim().clone_into(&mut self.template_id);
        Ok(())
    }

    pub fn server_url(&self) -> Returned {
        Returned::Text(self.settings.server.as_str().to_owned())
    }

    pub fn set_server_url(&mut self, value: &Argument) -> Result<(), Problem> {
        self.discard_values();
        Arc::make_mut(&mut self.settings).server = ServerUrl::parse(value.as_text()?).map_err(Problem::ServerUrl)?;
        Ok(())
    }

    pub fn timeout(&self) -> Returned {
        Returned::Number(self.settings.timeout.as_secs_f64())
    }

    pub fn set_timeout(&mut self, value: &Argument) -> Result<(), Problem> {
        Arc::make_mut(&mut self.settings).timeout = Duration::from_secs_f64(value.as_number_within(TIMEOUT_SECONDS)?);
        Ok(())
    }

    pub fn retries(&self) -> Returned {
        Returned::Number(self.settings.retries.into())
    }

    pub fn set_retries(&mut self, value: &Argument) -> Result<(), Problem> {
        Arc::make_mut(&mut self.settings).retries = value.as_whole_within(RETRIES)?;
        Ok(())
    }

    pub fn requests_per_minute(&self) -> Returned {
        Returned::Number(self.settings.rate.per_minute().into())
    }

    pub fn set_requests_per_minute(&mut self, value: &Argument) -> Result<(), Problem> {
        self.settings.rate.set_per_minute(value.as_whole_within(REQUESTS_PER_MINUTE)?);
        Ok(())
    }

    pub fn proxy(&self) -> Returned {
        Returned::Text(self.settings.proxy.to_string())
    }

    pub fn set_proxy(&mut self, value: &Argument) -> Result<(), Problem> {
        Arc::make_mut(&mut self.settings).proxy = Proxy::parse(value.as_text()?).map_err(Problem::Proxy)?;
        Ok(())
    }

    pub fn certificate_file(&self) -> Returned {
        Returned::Text(self.settings.certificate_file.as_ref().map_or("", CertificateFile::as_str).to_owned())
    }

    pub fn log_file(&self) -> Returned {
        Returned::Text(self.log_file.clone())
    }

    pub fn set_log_file(&mut self, value: &Argument) -> Result<(), Problem> {
        value.as_text()?.trim().clone_into(&mut self.log_file);
        Ok(())
    }
}

/// Results of the last call.
impl Properties {
    pub fn card_id(&self) -> Returned {
        Returned::Text(self.last.card_id.clone())
    }

    pub fn card_url(&self) -> Returned {
        Returned::Text(self.last.card_url.clone())
    }

    pub fn installed(&self) -> Returned {
        Returned::Boolean(self.last.installed)
    }

    pub fn unknown(&self) -> Returned {
        Returned::Boolean(self.last.unknown)
    }

    pub fn code(&self) -> Returned {
        Returned::Number(self.last.code as f64)
    }

    pub fn error_kind(&self) -> Returned {
        Returned::Text(self.last.error_kind.to_owned())
    }

    pub fn error_description(&self) -> Returned {
        Returned::Text(self.last.error_description.to_string())
    }

    pub fn response(&self) -> Returned {
        Returned::Text(self.last.response.clone())
    }

    pub fn result(&self) -> Returned {
        Returned::Text(self.last.to_json())
    }

    pub fn version(&self) -> Returned {
        Returned::Text(VERSION.to_owned())
    }
}
