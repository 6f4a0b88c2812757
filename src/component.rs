//! What each method does, one call at a time: read the parameters, call the service, fill the result properties.
//!
//! Names, parameters and look-up of the methods are [`crate::members`]; what lasts between calls is [`crate::properties`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use passteam_client::PagesRead;
use passteam_client::batch::{self, Entry, Limits, Observer, Outcome, Progress, Reason};
use passteam_client::form::{FormError, Parameters, Variables};
use passteam_client::json::JsonError;
use passteam_client::outcome::{Failure, Report};
use passteam_client::redact::{Values, redact_call};
use passteam_client::request::Request;
use passteam_client::settings::{CertificateFile, Settings};

use crate::arguments::Arguments;
use crate::diagnosis::{self, Subject};
use crate::language::Language;
use crate::last_call::{LastCall, creations_json, error_kind, page_json, updates_json};
use crate::log_file::LogFile;
use crate::messages::{self, Doubt};
use crate::misuse::{Misuse, Problem};
use crate::names::Names;
use crate::properties::Properties;
use crate::surroundings::Surroundings;
use crate::turns::{Turn, Turns};
use crate::value::{Argument, Returned};

/// Names of the property that every call of the service needs.
pub const TOKEN: Names = Names::new("Token", "Токен");
/// Names of the property that `CreateCard` needs.
pub const TEMPLATE_ID: Names = Names::new("TemplateId", "ИдентификаторШаблона");
/// Default of `Parallelism`.
pub const PARALLELISM: u32 = 4;
/// Default of `Page`.
pub const FIRST_PAGE: u32 = 1;
/// Default of `TimeLimit`, in seconds.
pub const TIME_LIMIT_SECONDS: u32 = 300;

/// Range of `Parallelism`, the number of concurrent cards of a batch.
const PARALLELISM_RANGE: (f64, f64) = (1.0, 16.0);
/// Range of `Page`.
const PAGE_RANGE: (f64, f64) = (1.0, 2_147_483_647.0);
/// Range of `TimeLimit`, in seconds, after which a batch sends nothing more.
const TIME_LIMIT_RANGE: (f64, f64) = (1.0, 3600.0);

/// The object that BSL holds. Any thread may use it.
#[derive(Default)]
pub struct Component {
    properties: Mutex<Properties>,
    turns: Turns,
    /// The pages that `GetCards` has read.
    pages: Mutex<PagesRead>,
    /// How often the object's use has ended; a batch that began before the last time is cancelled.
    ends: AtomicU64,
}

impl Component {
    /// The properties, locked. No call of the service or of the platform is made while they are locked.
    pub fn properties(&self) -> MutexGuard<'_, Properties> {
        self.properties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets `CertificateFile`, after reading it.
    pub fn set_certificate_file(&self, value: &Argument) -> Result<(), Problem> {
        let file = match value.as_text()?.trim() {
            "" => None,
            path => Some(CertificateFile::open(path).map_err(Problem::CertificateFile)?),
        };
        Arc::make_mut(&mut self.properties().settings).certificate_file = file;
        Ok(())
    }

    /// Cancels a running batch: nothing more is sent, and what is under way is given up.
    pub fn cancel(&self) {
        self.ends.fetch_add(1, Ordering::Relaxed);
    }

    fn pages(&self) -> MutexGuard<'_, PagesRead> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the object's use: cancels a running batch, waits for the running call, refuses those that wait for their turn, and
    /// forgets everything.
    pub fn close(&self) {
        self.cancel();
        self.turns.close();
        *self.properties() = Properties::default();
        *self.pages() = PagesRead::default();
    }
}

/// Methods.
impl Component {
    /// `SetValue`.
    pub fn set_value(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let mut properties = self.properties();
        let collected = std::mem::take(&mut properties.collected);
        properties.collected = with_value(collected, arguments)?;
        Ok(Returned::Undefined)
    }

    /// `ClearValues`.
    pub fn clear_values(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        self.properties().discard_values();
        arguments.check_count()?;
        Ok(Returned::Undefined)
    }

    /// `CreateCard`.
    pub fn create_card(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let mut call = self.begin(arguments)?;
        arguments.check_count()?;
        call.variables.merge(arguments.read(0, variables_of)?);
        call.require_token()?;
        call.require_template()?;
        let request = Request::create_card(&call.template_id, &call.variables);
        Ok(call.finish(&request, None))
    }

    /// `UpdateCard`.
    pub fn update_card(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let mut call = self.begin(arguments)?;
        arguments.check_count()?;
        let card_id = arguments.read(0, |argument| not_blank(argument.as_text()?))?;
        call.variables.merge(arguments.read(1, variables_of)?);
        call.require_token()?;
        let request = Request::update_card(&card_id, &call.variables);
        Ok(call.finish(&request, Some(card_id)))
    }

    /// `CallMethod`.
    pub fn call_method(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let call = self.begin(arguments)?;
        arguments.check_count()?;
        let parameters =
            arguments.read(1, |argument| Parameters::from_json(argument.as_optional_text()?).map_err(Problem::Json))?;
        let request = arguments
            .read(0, |argument| Request::method(argument.as_text()?, &parameters).map_err(|_| Problem::MethodName))?;
        call.require_token()?;
        Ok(call.finish(&request, None))
    }

    /// `UpdateCards`.
    pub fn update_cards(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let call = self.begin(arguments)?;
        arguments.check_count()?;
        let entries = arguments.read(0, |argument| entries_of(argument, "cardId", batch::updates))?;
        let limits = call.limits(arguments)?;
        call.require_token()?;
        let outcomes = call.batch(arguments, messages::invalid_update, |observer| {
            batch::update_cards(&call.settings, entries, limits, observer)
        });
        let first_failed = outcomes.iter().find(|outcome| outcome.result.is_err());
        let card_id = first_failed.map_or_else(String::new, |outcome| outcome.name.clone());
        self.properties().last = LastCall { card_id, ..LastCall::of_batch(&outcomes) };
        Ok(Returned::Text(updates_json(&outcomes)))
    }

    /// `CreateCards`.
    pub fn create_cards(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let call = self.begin(arguments)?;
        arguments.check_count()?;
        let entries = arguments.read(0, |argument| entries_of(argument, "key", batch::creations))?;
        let limits = call.limits(arguments)?;
        call.require_token()?;
        call.require_template()?;
        let outcomes = call.batch(arguments, messages::invalid_creation, |observer| {
            batch::create_cards(&call.settings, &call.template_id, entries, limits, observer)
        });
        self.properties().last = LastCall::of_batch(&outcomes);
        Ok(Returned::Text(creations_json(&outcomes)))
    }

    /// `GetCards`.
    pub fn get_cards(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let call = self.begin(arguments)?;
        arguments.check_count()?;
        let page = arguments
            .read(0, |argument| or_default(argument, FIRST_PAGE, |value| value.as_whole_within(PAGE_RANGE)))?;
        let template_id = arguments.read(1, |argument| Ok(argument.as_optional_text()?.trim().to_owned()))?;
        call.require_token()?;
        let template_id = if template_id.is_empty() { &call.template_id } else { &template_id };
        let (report, last) = call.perform(&Request::get_cards(page, template_id), passteam_client::call_in_turn);
        self.properties().last = last;
        let Some(read) = report.outcome.ok().and_then(|success| success.page) else {
            return Ok(Returned::Text(String::new()));
        };
        let more = self.pages().note(&call.settings, template_id, page, &read);
        Ok(Returned::Text(page_json(&read, more)))
    }

    /// `Diagnose`. It takes no turn: what holds up another call is what it is to find out.
    pub fn diagnose(&self, arguments: &Arguments) -> Result<Returned, Misuse> {
        let platform = arguments.platform;
        let surroundings =
            Surroundings::look((platform.library_file)(), (platform.is_isolated)(), (platform.system_version)());
        let end = self.ends.load(Ordering::Relaxed);
        let _visit = self.turns.visit();
        let (settings, template_id, log_file) = {
            let properties = self.properties();
            let Properties { settings, template_id, log_file, .. } = &*properties;
            (Arc::clone(settings), template_id.clone(), log_file.clone())
        };
        let request = Request::get_templates();
        let began = Instant::now();
        // The object's use may have ended just before this call was noticed.
        let is_cancelled = || self.ends.load(Ordering::Relaxed) != end || self.turns.are_closing();
        let diagnosis = passteam_client::diagnose(&settings, &request, &template_id, &is_cancelled);
        LogFile(&log_file).note_request(&settings, &request, &diagnosis.report, began.elapsed());
        LogFile(&log_file).flush();
        let is_busy = self.turns.are_taken();
        let hide = |text: &str| redact_call(text, &settings, &request, &Values::default());
        let subject = Subject { surroundings, settings: &settings, template_id: &template_id, is_busy };
        Ok(Returned::Text(diagnosis::text(&subject, &diagnosis, platform.language, hide)))
    }

    /// Starts a call of the service: takes the collected values, waits for the turn, and resets the results. The values are
    /// used up even if the turn does not come.
    fn begin(&self, arguments: &Arguments) -> Result<Call<'_>, Misuse> {
        let end = self.ends.load(Ordering::Relaxed);
        let (variables, timeout) = {
            let mut properties = self.properties();
            (std::mem::take(&mut properties.collected), properties.settings.timeout)
        };
        let turn = self.turns.take(timeout).map_err(|_| Misuse::method(arguments.method, Problem::Busy))?;
        let mut properties = self.properties();
        properties.last = LastCall::default();
        Ok(Call {
            component: self,
            turn,
            end,
            language: arguments.platform.language,
            settings: Arc::clone(&properties.settings),
            template_id: properties.template_id.clone(),
            log_file: properties.log_file.clone(),
            variables,
        })
    }
}

/// One call of the service, with the settings that the object had when its turn came.
struct Call<'a> {
    component: &'a Component,
    turn: Turn<'a>,
    /// [`Component::ends`] at its beginning.
    end: u64,
    language: Language,
    settings: Arc<Settings>,
    template_id: String,
    log_file: String,
    /// The values that `SetValue` collected for this call.
    variables: Variables,
}

impl Call<'_> {
    fn log(&self) -> LogFile<'_> {
        LogFile(&self.log_file)
    }

    fn require_token(&self) -> Result<(), Misuse> {
        if self.settings.token.is_empty() { Err(Misuse::property(&TOKEN, Problem::NotSet)) } else { Ok(()) }
    }

    fn require_template(&self) -> Result<(), Misuse> {
        if self.template_id.is_empty() { Err(Misuse::property(&TEMPLATE_ID, Problem::NotSet)) } else { Ok(()) }
    }

    /// The limits of a batch, from its second and third parameter.
    fn limits(&self, arguments: &Arguments) -> Result<Limits, Misuse> {
        let parallelism = arguments
            .read(1, |argument| or_default(argument, PARALLELISM, |value| value.as_whole_within(PARALLELISM_RANGE)))?;
        let seconds = arguments.read(2, |argument| {
            or_default(argument, TIME_LIMIT_SECONDS.into(), |value| value.as_number_within(TIME_LIMIT_RANGE))
        })?;
        let time = Duration::from_secs_f64(seconds).saturating_sub(self.turn.waited);
        Ok(Limits { parallelism: parallelism as usize, time })
    }

    /// Sends the request and fills the result properties; returns whether it succeeded. `card_id` is what `CardId` shows if
    /// it is not the answer that names the card.
    fn finish(self, request: &Request, card_id: Option<String>) -> Returned {
        let (_, last) = self.perform(request, passteam_client::call);
        let ok = last.ok;
        let card_id = card_id.unwrap_or_else(|| last.card_id.clone());
        self.component.properties().last = LastCall { card_id, ..last };
        Returned::Boolean(ok)
    }

    /// Sends the request by `send` and notes it in the log file; what came of it, and what the result properties then show.
    fn perform(&self, request: &Request, send: fn(&Settings, &Request) -> Report) -> (Report, LastCall) {
        let began = Instant::now();
        let report = send(&self.settings_of_one_request(), request);
        self.log().note_request(&self.settings, request, &report, began.elapsed());
        self.log().flush();
        let last = LastCall::of_report(&report, |failure| {
            self.describe(request, failure, report.code, report.unknown, &Values::default())
        });
        (report, last)
    }

    /// The settings of a call that is one request: its wait counts towards `Timeout`. Each card of a batch has a `Timeout` of its own.
    fn settings_of_one_request(&self) -> Arc<Settings> {
        let mut settings = Arc::clone(&self.settings);
        if !self.turn.waited.is_zero() {
            let settings = Arc::make_mut(&mut settings);
            settings.timeout = settings.timeout.saturating_sub(self.turn.waited);
        }
        settings
    }

    /// A failure's text, which quotes no secret and no value of the call. `others` are the values of the batch's other cards.
    fn describe(&self, request: &Request, failure: &Failure, code: i64, unknown: bool, others: &Values) -> String {
        let doubt = match (unknown, request.method_name()) {
            (false, _) => Doubt::None,
            (true, "createcard") => Doubt::Creation,
            (true, _) => Doubt::Other,
        };
        let hide = |text: &str| redact_call(text, &self.settings, request, others);
        messages::failure(failure, code, doubt, self.language, hide)
    }

    /// Sends a batch by `send`, and notes it in the log file. `invalid_entry` describes an entry that cannot be sent.
    fn batch(
        &self,
        arguments: &Arguments,
        invalid_entry: fn(Language) -> &'static str,
        send: impl FnOnce(&BatchObserver) -> Vec<Outcome>,
    ) -> Vec<Outcome> {
        let began = Instant::now();
        let (method, notify) = (arguments.method.en, arguments.platform.notify);
        let outcomes = send(&BatchObserver { call: self, method, invalid_entry, notify });
        self.log().note_batch(method, outcomes.iter().map(error_kind), began.elapsed());
        self.log().flush();
        outcomes
    }
}

/// Describes a batch's failures in the component's language, notes its requests in the log file, reports its progress to BSL,
/// and cancels it when the object's use ends.
struct BatchObserver<'a> {
    call: &'a Call<'a>,
    /// The method's English name, which the events carry.
    method: &'static str,
    invalid_entry: fn(Language) -> &'static str,
    notify: &'a dyn Fn(&str, &str),
}

impl Observer for BatchObserver<'_> {
    fn describe(&self, reason: &Reason) -> String {
        match reason {
            Reason::Sent { request, failure, code, unknown, values } => {
                self.call.describe(request, failure, *code, *unknown, values)
            }
            Reason::NotSent => messages::not_sent(self.call.language).to_owned(),
            Reason::InvalidEntry => (self.invalid_entry)(self.call.language).to_owned(),
        }
    }

    fn ended(&self, request: &Request, report: &Report, duration: Duration) {
        self.call.log().note_request(&self.call.settings, request, report, duration);
    }

    fn progress(&self, Progress { done, total, failed }: Progress) {
        (self.notify)(self.method, &format!("{{\"done\":{done},\"total\":{total},\"failed\":{failed}}}"));
    }

    fn is_cancelled(&self) -> bool {
        self.call.component.ends.load(Ordering::Relaxed) != self.call.end
    }
}

/// The entries of a batch; `name` is the member that names a card.
fn entries_of(
    argument: &Argument,
    name: &'static str,
    read: fn(&str) -> Result<Vec<Entry>, JsonError>,
) -> Result<Vec<Entry>, Problem> {
    read(argument.as_text()?).map_err(|error| match error {
        JsonError::OtherType => Problem::NotAnArray { name },
        JsonError::Syntax { line, column } => Problem::Json(FormError::Syntax { line, column }),
    })
}

/// An optional parameter: the default if it was left out.
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

/// The text without the white space around it, with which 1C pads strings of fixed length.
fn not_blank(text: &str) -> Result<String, Problem> {
    match text.trim() {
        "" => Err(Problem::Empty),
        text => Ok(text.to_owned()),
    }
}
