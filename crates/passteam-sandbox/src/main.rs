//! The sandbox as a program, for developers who have no account with the service.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Parser};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Fault, Options, RecordedRequest, Sandbox, Tls};

const HELP_TEMPLATE: &str = "\
{about}

Использование: {usage}

Параметры:
{options}{after-help}
";

const AFTER_HELP: &str = "\
Сбои (--fault) задаются как [метод:]ключ=значение[,ключ=значение…] и срабатывают по одному, каждый один раз:
  status=503          HTTP-статус ответа; запрос не выполняется
  code=429            code в ответе; запрос не выполняется
  message=ТЕКСТ       message в ответе; запрос не выполняется
  body=ТЕКСТ          всё тело ответа; запрос не выполняется
  retry-after=5       заголовок Retry-After
  delay=2000          ответ задерживается на столько миллисекунд
  drop=before         соединение рвётся до выполнения запроса
  drop=after          соединение рвётся после выполнения, без ответа
  drop=100            соединение рвётся после стольких байт тела ответа
Например: --fault updatecard:status=503 --fault code=429,retry-after=5

На странице http://АДРЕС:ПОРТ/ видно карты и последние запросы; там же ставится «установлена» и заказываются сбои.

То же для программ (JSON; у POST нужен Content-Type: application/json):
  GET    /sandbox/cards                    карты
  POST   /sandbox/cards/ID/installed       {\"installed\": true}: клиент установил карту в телефон
  GET    /sandbox/requests                 последние запросы, токен скрыт
  GET    /sandbox/faults                   сбои, которые ещё не сработали
  POST   /sandbox/faults                   {\"method\", \"delayMs\", \"status\", \"code\", \"message\",
                                            \"headers\": [[\"имя\", \"значение\"]], \"body\",
                                            \"drop\": \"beforeAnswer\" | \"afterProcessing\" | {\"afterBytes\": 100}}
  DELETE /sandbox/faults                   отменить их

Карты живут в памяти, пока программа работает.";

/// Песочница: замена сервиса Passteam для проверки компоненты без учётной записи
#[derive(Parser)]
#[command(
    version,
    help_template = HELP_TEMPLATE,
    after_help = AFTER_HELP,
    override_usage = "passteam-sandbox [ПАРАМЕТРЫ]",
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Arguments {
    /// Адрес и порт; порт 0 — любой свободный [по умолчанию 127.0.0.1:8080]
    #[arg(long, value_name = "АДРЕС:ПОРТ", default_value = "127.0.0.1:8080", hide_default_value = true)]
    listen: SocketAddr,

    /// Токен, с которым принимаются запросы [по умолчанию sandbox-token]
    #[arg(long, value_name = "ТОКЕН", default_value = DEFAULT_TOKEN, hide_default_value = true)]
    token: String,

    /// Идентификатор шаблона карт; можно указать несколько раз [по умолчанию 5d3f1a9be4b0c7a1f2e86c40]
    #[arg(long = "template", value_name = "ID", default_value = DEFAULT_TEMPLATE_ID, hide_default_value = true)]
    templates: Vec<String>,

    /// Обязательная и уникальная переменная карты; можно указать несколько раз [по умолчанию PHONE]
    #[arg(long, value_name = "ИМЯ", default_value = "PHONE", hide_default_value = true)]
    unique: Vec<String>,

    /// Отвечать по HTTPS, с сертификатом собственного центра сертификации
    #[arg(long, requires = "ca_file")]
    tls: bool,

    /// Куда записать сертификат этого центра (PEM) для свойства ФайлСертификатов
    #[arg(long, value_name = "ФАЙЛ", requires = "tls")]
    ca_file: Option<PathBuf>,

    /// Задержка каждого ответа в миллисекундах [по умолчанию 0]
    #[arg(long, value_name = "МС", default_value_t = 0, hide_default_value = true)]
    latency: u64,

    /// Сбой для одного из следующих запросов (см. ниже); можно указать несколько раз
    #[arg(long = "fault", value_name = "СБОЙ")]
    faults: Vec<Fault>,

    /// Печатать и поля запросов, то есть личные данные; токен скрыт и тогда
    #[arg(long)]
    verbose: bool,

    /// Эта справка
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,

    /// Версия
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("passteam-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> io::Result<std::convert::Infallible> {
    if !arguments.listen.ip().is_loopback() {
        eprintln!("Внимание: песочница доступна с других машин, а её карты видны всем, кто до неё дойдёт.");
    }
    let sandbox = Sandbox::start(Options {
        listen: arguments.listen,
        token: arguments.token.clone(),
        templates: arguments.templates.iter().map(|id| id.as_str().into()).collect(),
        unique: arguments.unique,
        tls: if arguments.tls { Tls::OwnCa } else { Tls::None },
        latency: Duration::from_millis(arguments.latency),
        observer: Some(Arc::new(move |request| print_request(request, arguments.verbose))),
        ..Options::default()
    })
    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", arguments.listen)))?;
    arguments.faults.into_iter().for_each(|fault| sandbox.push_fault(fault));
    if let (Some(path), Some(pem)) = (&arguments.ca_file, sandbox.ca_pem()) {
        std::fs::write(path, pem)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    print_settings(&sandbox, &arguments.token, &arguments.templates, arguments.ca_file.as_deref())?;
    loop {
        std::thread::park();
    }
}

/// What a developer sets in the component, and where to look.
fn print_settings(sandbox: &Sandbox, token: &str, templates: &[String], ca_file: Option<&Path>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "АдресСервера:         {}", sandbox.url())?;
    writeln!(out, "Токен:                {token}")?;
    for template in templates {
        writeln!(out, "ИдентификаторШаблона: {template}")?;
    }
    if let Some(path) = ca_file {
        writeln!(out, "ФайлСертификатов:     {}", path.display())?;
    }
    writeln!(out, "Страница с картами:   {}", sandbox.page_url())?;
    out.flush()
}

/// What cannot be printed, because nobody reads any longer, is not missed.
fn print_request(request: &RecordedRequest, verbose: bool) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{request}");
    if verbose {
        for (name, value) in &request.form {
            let _ = writeln!(out, "    {} = {}", name.escape_debug(), value.escape_debug());
        }
    }
    let _ = out.flush();
}
