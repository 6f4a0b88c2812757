//! The object that BSL holds: settings, collected values, the last call's result.

use std::time::{Duration, Instant};

use passteam_client::batch::{self, Entry, Limits, Observer, Outcome, Progress, Reason};
use passteam_client::form::{FormError, Parameters, Request, Variables};
use passteam_client::json::JsonError;
use passteam_client::redact::{Values, redact_call};
use passteam_client::reply::{Failure, Report, Success};
use passteam_client::settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};
use passteam_client::transport;
use serde::Serialize;

use crate::journal;
use crate::members::{Arguments, METHODS, PARALLELISM, PROPERTIES, TIME_LIMIT_SECONDS};
use crate::messages::{self, Language, Misuse, Problem};
use crate::value::{Argument, Value};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Seconds that `Timeout` may hold.
const TIMEOUT_SECONDS: (f64, f64) = (0.1, 600.0);
/// How many repeats `Retries` may allow.
const RETRIES: (f64, f64) = (0.0, 10.0);
/// How many cards `UpdateCards` may send at a time.
const PARALLELISM_RANGE: (f64, f64) = (1.0, 16.0);
/// Seconds after which `UpdateCards` may be told to send nothing more.
const TIME_LIMIT_RANGE: (f64, f64) = (1.0, 3600.0);
/// `Code` where everything went well.
const OK: i64 = 200;

/// What `ErrorKind` says after a BSL exception.
const MISUSE: &str = "Misuse";

/// The state behind one object in BSL.
#[derive(Default)]
pub struct Component {
    language: Language,
    settings: Settings,
    template_id: String,
    log_file: String,
    collected: Variables,
    last: LastCall,
}

/// What the result properties show.
#[derive(Default)]
struct LastCall {
    ok: bool,
    code: i64,
    card_id: String,
    card_url: String,
    installed: bool,
    error_kind: &'static str,
    error_description: String,
    response: String,
}

/// The property `Result`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson<'a> {
    ok: bool,
    code: i64,
    card_id: &'a str,
    card_url: &'a str,
    installed: bool,
    error_kind: &'a str,
    error_description: &'a str,
}

/// One element of what `UpdateCards` returns.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryJson<'a> {
    card_id: &'a str,
    ok: bool,
    code: i64,
    installed: bool,
    error_kind: &'a str,
    error_description: &'a str,
}

/// The platform's side of the members: by index, with a text for the exception where one is due.
impl Component {
    /// The language of every text from now on.
    pub fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    /// Reads property `index`.
    pub fn get(&mut self, index: usize) -> Result<Value, Misuse> {
        let property = PROPERTIES.get(index).ok_or_else(Misuse::unknown_member)?;
        match property.get {
            Some(get) => Ok(get(self)),
            None => Err(Misuse::property(property, Problem::WriteOnly)),
        }
    }

    /// Writes property `index`.
    pub fn set(&mut self, index: usize, value: &Argument) -> Result<(), Misuse> {
        let property = PROPERTIES.get(index).ok_or_else(Misuse::unknown_member)?;
        let set = property.set.ok_or_else(|| Misuse::property(property, Problem::ReadOnly))?;
        set(self, value).map_err(|problem| Misuse::property(property, problem))
    }

    /// Calls method `index`, which may send external events (name, data) by `notify`.
    pub fn call(&mut self, index: usize, values: &[Argument], notify: &dyn Fn(&str, &str)) -> Result<Value, Misuse> {
        let method = METHODS.get(index).ok_or_else(Misuse::unknown_member)?;
        (method.call)(self, &Arguments::new(method, values, notify))
    }

    /// Notes a BSL exception in the result properties; its text, for the platform.
    pub fn note_misuse(&mut self, misuse: Misuse) -> String {
        let secrets = [Some(self.settings.token.reveal()), self.settings.proxy.password()];
        let text = misuse.without(secrets.into_iter().flatten()).text(self.language);
        self.last.error_kind = MISUSE;
        self.last.error_description.clone_from(&text);
        text
    }

    /// Forgets one customer's data, whatever state a panic has left it in.
    pub fn discard_values(&mut self) {
        self.collected = Variables::default();
    }
}

/// Settings.
impl Component {
    pub(crate) fn set_token(&mut self, value: &Argument) -> Result<(), Problem> {
        self.discard_values();
        self.settings.token = Token::parse(value.as_text()?).map_err(Problem::Token)?;
        Ok(())
    }

    pub(crate) fn template_id(&self) -> Value {
        Value::Text(self.template_id.clone())
    }

    pub(crate) fn set_template_id(&mut self, value: &Argument) -> Result<(), Problem> {
        value.as_text()?.trim().clone_into(&mut self.template_id);
        Ok(())
    }

    pub(crate) fn server_url(&self) -> Value {
        Value::Text(self.settings.server.as_str().to_owned())
    }

    pub(crate) fn set_server_url(&mut self, value: &Argument) -> Result<(), Problem> {
        self.discard_values();
        self.settings.server = ServerUrl::parse(value.as_text()?).map_err(Problem::ServerUrl)?;
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Value {
        Value::Number(self.settings.timeout.as_secs_f64())
    }

    pub(crate) fn set_timeout(&mut self, value: &Argument) -> Result<(), Problem> {
        self.settings.timeout = Duration::from_secs_f64(within(value, TIMEOUT_SECONDS)?);
        Ok(())
    }

    pub(crate) fn retries(&self) -> Value {
        Value::Number(self.settings.retries.into())
    }

    pub(crate) fn set_retries(&mut self, value: &Argument) -> Result<(), Problem> {
        self.settings.retries = whole_within(value, RETRIES)?;
        Ok(())
    }

    pub(crate) fn proxy(&self) -> Value {
        Value::Text(self.settings.proxy.to_string())
    }

    pub(crate) fn set_proxy(&mut self, value: &Argument) -> Result<(), Problem> {
        self.settings.proxy = Proxy::parse(value.as_text()?).map_err(Problem::Proxy)?;
        Ok(())
    }

    pub(crate) fn certificate_file(&self) -> Value {
        Value::Text(self.settings.certificate_file.as_ref().map_or("", CertificateFile::as_str).to_owned())
    }

    pub(crate) fn set_certificate_file(&mut self, value: &Argument) -> Result<(), Problem> {
        let path = value.as_text()?.trim();
        self.settings.certificate_file = match path {
            "" => None,
            path => Some(CertificateFile::open(path).map_err(Problem::CertificateFile)?),
        };
        Ok(())
    }
}

impl Component {
    pub(crate) fn log_file(&self) -> Value {
        Value::Text(self.log_file.clone())
    }

    pub(crate) fn set_log_file(&mut self, value: &Argument) -> Result<(), Problem> {
        value.as_text()?.trim().clone_into(&mut self.log_file);
        Ok(())
    }
}

fn within(value: &Argument, (least, most): (f64, f64)) -> Result<f64, Problem> {
    let number = value.as_number()?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(Problem::OutOfRange { least, most }) }
}

fn whole_within(value: &Argument, range: (f64, f64)) -> Result<u32, Problem> {
    let number = within(value, range)?;
    if number.fract() == 0.0 { Ok(number as u32) } else { Err(Problem::NotWhole) }
}

/// Results of the last call.
impl Component {
    pub(crate) fn card_id(&self) -> Value {
        Value::Text(self.last.card_id.clone())
    }

    pub(crate) fn card_url(&self) -> Value {
        Value::Text(self.last.card_url.clone())
    }

    pub(crate) fn installed(&self) -> Value {
        Value::Boolean(self.last.installed)
    }

    pub(crate) fn code(&self) -> Value {
        Value::Number(self.last.code as f64)
    }

    pub(crate) fn error_kind(&self) -> Value {
        Value::Text(self.last.error_kind.to_owned())
    }

    pub(crate) fn error_description(&self) -> Value {
        Value::Text(self.last.error_description.clone())
    }

    pub(crate) fn response(&self) -> Value {
        Value::Text(self.last.response.clone())
    }

    pub(crate) fn result(&self) -> Value {
        let last = &self.last;
        let json = ResultJson {
            ok: last.ok && last.error_kind.is_empty(),
            code: last.code,
            card_id: &last.card_id,
            card_url: &last.card_url,
            installed: last.installed,
            error_kind: last.error_kind,
            error_description: &last.error_description,
        };
        Value::Text(to_json(&json))
    }

    pub(crate) fn version(&self) -> Value {
        Value::Text(VERSION.to_owned())
    }
}

/// Methods.
impl Component {
    pub(crate) fn set_value(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        let collected = std::mem::take(&mut self.collected);
        self.collected = with_value(collected, arguments)?;
        Ok(Value::Undefined)
    }

    pub(crate) fn clear_values(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        self.discard_values();
        arguments.check_count()?;
        Ok(Value::Undefined)
    }

    pub(crate) fn create_card(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        let mut variables = self.begin();
        arguments.check_count()?;
        variables.merge(arguments.read(0, variables_of)?);
        self.require_token()?;
        if self.template_id.is_empty() {
            return Err(Misuse::named_property("TemplateId", Problem::NotSet));
        }
        Ok(self.finish(&Request::create_card(&self.template_id, &variables)))
    }

    pub(crate) fn update_card(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        let mut variables = self.begin();
        arguments.check_count()?;
        let card_id = arguments.read(0, |argument| not_blank(argument.as_text()?))?;
        variables.merge(arguments.read(1, variables_of)?);
        self.require_token()?;
        let outcome = self.finish(&Request::update_card(&card_id, &variables));
        self.last.card_id = card_id;
        Ok(outcome)
    }

    pub(crate) fn call_method(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        self.begin();
        arguments.check_count()?;
        let parameters =
            arguments.read(1, |argument| Parameters::from_json(argument.as_optional_text()?).map_err(Problem::Json))?;
        let request = arguments
            .read(0, |argument| Request::method(argument.as_text()?, &parameters).map_err(|_| Problem::MethodName))?;
        self.require_token()?;
        Ok(self.finish(&request))
    }

    pub(crate) fn update_cards(&mut self, arguments: &Arguments) -> Result<Value, Misuse> {
        self.begin();
        arguments.check_count()?;
        let entries = arguments.read(0, entries_of)?;
        let parallelism = arguments.read(1, |argument| {
            or_default(argument, PARALLELISM, |argument| whole_within(argument, PARALLELISM_RANGE))
        })?;
        let seconds = arguments.read(2, |argument| {
            or_default(argument, TIME_LIMIT_SECONDS.into(), |argument| within(argument, TIME_LIMIT_RANGE))
        })?;
        self.require_token()?;
        let limits = Limits { parallelism: parallelism as usize, time: Duration::from_secs_f64(seconds) };
        let follower = Follower { component: self, notify: arguments.notify };
        let outcomes = batch::update_cards(&self.settings, entries, limits, &follower);
        self.last = LastCall::of_batch(&outcomes);
        Ok(Value::Text(entries_json(&outcomes)))
    }

    /// Starts a call of the service: the last results are gone, and the collected values are its own, whatever follows.
    fn begin(&mut self) -> Variables {
        self.last = LastCall::default();
        std::mem::take(&mut self.collected)
    }

    fn require_token(&self) -> Result<(), Misuse> {
        if self.settings.token.is_empty() { Err(Misuse::named_property("Token", Problem::NotSet)) } else { Ok(()) }
    }

    /// Sends the request and fills the result properties; whether it succeeded, for BSL.
    fn finish(&mut self, request: &Request) -> Value {
        let began = Instant::now();
        let report = transport::call(&self.settings, request);
        journal::note(&self.log_file, request, &report, began.elapsed());
        let Report { outcome, code, body, .. } = report;
        self.last.code = code;
        self.last.response = body;
        match outcome {
            Ok(Success { card_id, card_url, installed }) => {
                self.last.ok = true;
                self.last.card_id = card_id.unwrap_or_default();
                self.last.card_url = card_url.unwrap_or_default();
                self.last.installed = installed;
            }
            Err(failure) => {
                self.last.error_kind = failure.kind.as_str();
                self.last.error_description = self.describe(request, &failure, code, &Values::default());
            }
        }
        Value::Boolean(self.last.ok)
    }
}

impl Component {
    /// A failure's text, without secrets.
    fn describe(&self, request: &Request, failure: &Failure, code: i64, others: &Values) -> String {
        let hide = |text: &str| redact_call(text, &self.settings, request, others);
        hide(&messages::failure(failure, code, self.language, hide))
    }
}

impl LastCall {
    /// The first failed entry's results, or those of a success.
    fn of_batch(outcomes: &[Outcome]) -> LastCall {
        let first_failed = outcomes.iter().find_map(|outcome| Some((outcome, outcome.error.as_ref()?)));
        match first_failed {
            None => LastCall { ok: true, code: OK, ..LastCall::default() },
            Some((outcome, error)) => LastCall {
                code: outcome.code,
                card_id: outcome.card_id.clone(),
                error_kind: error.kind.as_str(),
                error_description: error.description.clone(),
                ..LastCall::default()
            },
        }
    }
}

/// Follows a batch on behalf of the component.
struct Follower<'a> {
    component: &'a Component,
    notify: &'a dyn Fn(&str, &str),
}

impl Observer for Follower<'_> {
    fn describe(&self, reason: &Reason) -> String {
        match reason {
            Reason::Sent(request, failure, code, values) => self.component.describe(request, failure, *code, values),
            Reason::NotSent => messages::not_sent(self.component.language).to_owned(),
            Reason::InvalidEntry => messages::invalid_entry(self.component.language).to_owned(),
        }
    }

    fn ended(&self, request: &Request, report: &Report, duration: Duration) {
        journal::note(&self.component.log_file, request, report, duration);
    }

    fn progress(&self, Progress { done, total, failed }: Progress) {
        (self.notify)("UpdateCards", &format!("{{\"done\":{done},\"total\":{total},\"failed\":{failed}}}"));
    }
}

fn entries_json(outcomes: &[Outcome]) -> String {
    let entries: Vec<EntryJson> = outcomes
        .iter()
        .map(|outcome| EntryJson {
            card_id: &outcome.card_id,
            ok: outcome.error.is_none(),
            code: outcome.code,
            installed: outcome.installed,
            error_kind: outcome.error.as_ref().map_or("", |error| error.kind.as_str()),
            error_description: outcome.error.as_ref().map_or("", |error| &error.description),
        })
        .collect();
    to_json(&entries)
}

/// Strings, numbers and Booleans always serialize.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn entries_of(argument: &Argument) -> Result<Vec<Entry>, Problem> {
    batch::entries(argument.as_text()?).map_err(|error| match error {
        JsonError::OtherType => Problem::NotAnArray,
        JsonError::Syntax { line, column } => Problem::Json(FormError::Syntax { line, column }),
    })
}

/// An optional parameter: the default where it was left out.
fn or_default<T>(
    argument: &Argument,
    default: T,
    read: impl FnOnce(&Argument) -> Result<T, Problem>,
) -> Result<T, Problem> {
    match argument {
        Argument::Undefined | Argument::Null => Ok(default),
        argument => read(argument),
    }
}

fn with_value(mut collected: Variables, arguments: &Arguments) -> Result<Variables, Misuse> {
    arguments.check_count()?;
    let value = arguments.read(1, Argument::to_variable)?;
    arguments.read(0, |name| {
        collected.set(name.as_text()?, value).map_err(|error| match error {
            FormError::EmptyName => Problem::Empty,
            other => Problem::Json(other),
        })
    })?;
    Ok(collected)
}

fn variables_of(argument: &Argument) -> Result<Variables, Problem> {
    Variables::from_json(argument.as_optional_text()?).map_err(Problem::Json)
}

/// The text without the white space around it, which 1C pads strings of fixed length with.
fn not_blank(text: &str) -> Result<String, Problem> {
    match text.trim() {
        "" => Err(Problem::Empty),
        text => Ok(text.to_owned()),
    }
}
