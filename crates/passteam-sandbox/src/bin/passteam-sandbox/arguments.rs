//! The command line. The texts here are the English ones; `russian` replaces them unless `--lang en` is given.

use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgAction, Command, CommandFactory, FromArgMatches, Parser};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Fault, Limits, Shape};

use crate::language::Language;
use crate::russian;

const HELP_TEMPLATE: &str = "\
{about}

Usage: {usage}

Options:
{options}{after-help}
";

const AFTER_HELP: &str = "\
A card is created by the component, or for a first try by curl:
  curl -H \"Authorization: sandbox-token\" -d \"templateId=5d3f1a9be4b0c7a1f2e86c40\"
       -d \"values[%25PHONE%25]=79161234567\" http://127.0.0.1:8080/oapi/v1/createcard
(in one line; values[%25PHONE%25] is values[%PHONE%] as it must be sent)

Faults (--fault) are written as [method:]key=value[,key=value…]; each is used once, by the next request that it fits:
  error=403           code and message of a known error: 400, 401, 403, 404, 409, 500, 502, 503 or 504
  status=503          HTTP status of the answer; the request is not carried out
  code=429            code in the answer; the request is not carried out
  message=TEXT        message in the answer; the request is not carried out
  body=TEXT           the whole body of the answer; the request is not carried out
  retry-after=5       header Retry-After
  delay=2000          delay of the answer in milliseconds
  late=2000           the request is carried out this many milliseconds later, even if the connection is closed by then
  drop=before         the connection is closed before the request is carried out
  drop=early          the connection is closed, and then the request is carried out (after late=)
  drop=after          the connection is closed after the request was carried out, without an answer
  drop=100            the connection is closed after this many bytes of the answer's body
For example: --fault updatecard:status=503 --fault code=429,retry-after=5

Answers of getcard, getcards, getCardsWithPagination and gettemplates (--shape), key=value[,key=value…]:
  list=cards          member of result with the list of cards; list=result: result is the list
  card=card           the same for the card of getcard
  templates=result    the same for the list of templates
  id=cardId           name of the id: cardId, _id or id
  variables=beside    variables beside the id; variables=values: in the member values
  order=oldest        the oldest cards stand on the first page; order=newest: the newest
  page=, limit=, total=, pages=, previous=, next=   names of the page numbers; an empty one is left out
For example: --shape list=items,id=_id,variables=values,next=next_page

The page http://ADDRESS:PORT/ shows the cards and the latest requests; it can mark a card as installed, add faults and
sample cards, and change shape and limits.

The same for scripts (JSON; a POST needs Content-Type: application/json):
  GET    /sandbox/cards                    cards
  POST   /sandbox/cards/ID/installed       {\"installed\": true}: the customer has added the card to the wallet
  GET    /sandbox/requests                 latest requests, with the token masked
  GET    /sandbox/faults                   faults that no request has used yet
  POST   /sandbox/faults                   {\"method\", \"delayMs\", \"status\", \"code\", \"message\",
                                            \"headers\": [[\"name\", \"value\"]], \"body\",
                                            \"lateMs\", \"drop\": \"beforeAnswer\" | \"beforeProcessing\" |
                                            \"afterProcessing\" | {\"afterBytes\": 100}}
  DELETE /sandbox/faults                   remove them
  GET    /sandbox/late-requests            number of requests that are to be carried out late
  POST   /sandbox/late-requests            {}: carry them out at once
  POST   /sandbox/sample-cards             {\"count\": 1000}: add sample cards
  GET    /sandbox/shape                    the shape of answers
  POST   /sandbox/shape                    {\"shape\": \"id=_id\"}: change it
  GET    /sandbox/limits                   the limits
  POST   /sandbox/limits                   {\"minute\": 60, \"hour\": 1000, \"day\": 5000}: change them, count anew

The cards are kept in memory until the program ends.";

/// The sandbox: a stand-in for the Passteam service, for trying the add-in without an account
#[derive(Debug, Parser)]
#[command(
    version,
    help_template = HELP_TEMPLATE,
    after_help = AFTER_HELP,
    override_usage = "passteam-sandbox [OPTIONS]",
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Arguments {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        value_parser = listen,
        default_value = "127.0.0.1:8080",
        hide_default_value = true
    )]
    pub(crate) listen: SocketAddr,

    /// The token that requests must have [default: sandbox-token]
    #[arg(long, value_name = "TOKEN", default_value = DEFAULT_TOKEN, hide_default_value = true)]
    pub(crate) token: String,

    /// Id of a card template; may be given several times [default: 5d3f1a9be4b0c7a1f2e86c40]
    #[arg(long = "template", value_name = "ID", default_value = DEFAULT_TEMPLATE_ID, hide_default_value = true)]
    pub(crate) templates: Vec<String>,

    /// A variable that each card must have and no two cards may share; may be given several times [default: PHONE]
    #[arg(long, value_name = "NAME", default_value = "PHONE", hide_default_value = true)]
    pub(crate) unique: Vec<String>,

    /// Use HTTPS, with a certificate of the sandbox's own CA
    #[arg(long, requires = "ca_file")]
    pub(crate) tls: bool,

    /// File to write this CA's certificate to (PEM), for the property CertificateFile
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Delay of every answer in milliseconds [default: 0]
    #[arg(long, value_name = "MS", default_value_t = 0, hide_default_value = true)]
    pub(crate) latency: u64,

    /// Number of sample cards to begin with [default: 0]
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    pub(crate) cards: usize,

    /// Other names and places in the answers about cards and templates (see below)
    #[arg(long, value_name = "SHAPE", default_value = "", hide_default_value = true)]
    pub(crate) shape: Shape,

    /// Limits on requests: minute=60,hour=1000,day=5000 or some of these; the answer over a limit is 429 with Retry-After
    #[arg(long = "limit", value_name = "LIMITS", default_value = "", hide_default_value = true)]
    pub(crate) limits: Limits,

    /// A fault for one of the next requests (see below); may be given several times
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<Fault>,

    /// Print the fields of requests too, which are personal data; the token stays hidden
    #[arg(long)]
    pub(crate) verbose: bool,

    /// Language of help, messages and errors: ru or en [default: ru]
    #[arg(
        long,
        value_enum,
        value_name = "ru|en",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) lang: Language,

    /// Print this help
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// `localhost` stands for 127.0.0.1; no other name is looked up.
fn listen(text: &str) -> Result<SocketAddr, AddrParseError> {
    match text.split_once(':') {
        Some((name, port)) if name.eq_ignore_ascii_case("localhost") => format!("127.0.0.1:{port}").parse(),
        _ => text.parse(),
    }
}

/// Reads the command line. If it is wrong or asks for help, prints the answer and returns the exit code.
pub(crate) fn parse() -> Result<Arguments, ExitCode> {
    let language = Language::from_arguments(std::env::args_os());
    let parsed = command(language).try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if wanted || language == Language::En {
            // Fails if nobody reads the output: nothing is left to do.
            let _ = error.print();
        } else {
            eprintln!("{}", russian::usage_error(&error));
        }
        if wanted { ExitCode::SUCCESS } else { ExitCode::from(2) }
    })
}

fn command(language: Language) -> Command {
    match language {
        Language::Ru => russian::translate(Arguments::command()),
        Language::En => Arguments::command(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_russian(text: &str) -> bool {
        text.chars().any(|character| ('а'..='я').contains(&character))
    }

    #[test]
    fn each_option_has_a_text_in_both_languages() {
        for language in [Language::Ru, Language::En] {
            for argument in command(language).get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert_eq!(is_russian(&help), language == Language::Ru, "{}: {help}", argument.get_id());
            }
        }
    }

    #[test]
    fn localhost_is_an_address_to_listen_on() {
        assert_eq!(listen("LocalHost:8080"), "127.0.0.1:8080".parse());
        for wrong in ["localhost", "localhost:", "localhost:99999", "example.org:80"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    /// What a usage error says about these arguments, in Russian.
    fn usage_error(arguments: &[&str]) -> String {
        let arguments = ["passteam-sandbox"].iter().chain(arguments);
        let error = command(Language::Ru).try_get_matches_from(arguments).unwrap_err();
        russian::usage_error(&error)
    }

    #[test]
    fn each_usage_error_is_explained_in_russian() {
        for (arguments, explanation) in [
            (&["--listen", "8080"][..], "--listen: «8080» не подходит: нужны адрес и порт, например 127.0.0.1:8080"),
            (&["--latency", "x"], "--latency: «x» не подходит: нужно целое число"),
            (&["--latency"], "после --latency не хватает значения"),
            (&["--verbose=1"], "у --verbose не бывает значения"),
            (&["--colour"], "неизвестный параметр --colour"),
            (&["file"], "неизвестный параметр file"),
            (&["--tls"], "не хватает параметра --ca-file"),
            (&["--ca-file", "ca.pem"], "не хватает параметра --tls"),
            (&["--token", "a", "--token", "b"], "--token указан дважды"),
            (&["--lang", "de"], "--lang: «de» не подходит: возможны ru, en"),
            (&["--fault", "status=99"], "--fault: «status=99» не подходит: 99 — не HTTP-статус от 200 до 999"),
            (&["--shape", "id=x"], "--shape: «id=x» не подходит: «id=x» — не ключ=значение"),
            (&["--shape", "next=x,page=x"], "имя x занято дважды"),
            (&["--limit", "minute=0"], "--limit: «minute=0» не подходит: «minute=0» — не minute=, hour= или day="),
            (&["--cards", "x"], "--cards: «x» не подходит: нужно целое число"),
            (&["--fault", "colour=red"], "--fault: «colour=red» не подходит: «colour=red» — не ключ=значение"),
        ] {
            let error = usage_error(arguments);
            assert!(error.contains(explanation), "{arguments:?}: {error}");
            assert!(error.contains("Использование: passteam-sandbox [ПАРАМЕТРЫ]"), "{error}");
        }
    }
}
