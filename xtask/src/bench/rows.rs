//! What is measured: a function for each row.

use std::cell::OnceCell;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;

use addin_host::{CallError, Library, Object};
use anyhow::{Context, Result, bail, ensure};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN};
use tempfile::TempDir;

use super::counts::{self, Limit, Trace, Updater};
use super::curl::{Curl, Handle};
use super::report::{Bar, Goal, Quantity, Row, Text};
use super::rounds::{Contender, Local, Series, interleave, median};
use super::service::Service;
use super::tool::Tool;
use super::{authorities, bare, native, part, shop};

/// How the figures were measured, for their reader.
pub const CONDITIONS: Text = Text::new(
    "TLS 1.3 через loopback, сервис (песочница) в отдельном процессе на своём процессоре; \
     20 мс до сервера задаёт песочница: она отвечает через 20 мс после запроса.",
    "TLS 1.3 over loopback; the service (the sandbox) runs in a process and on a processor of its own; \
     it makes the 20 ms to the server by answering 20 ms after the request.",
);

const LATENCY: Duration = Duration::from_millis(20);
const PARALLELISM: i32 = 8;
const LARGEST_SIZE: f64 = 3_145_728.0;
const LONGEST_START: f64 = 2e-3;

/// The sizes of the batches that show how time and memory grow; the middle one is halfway between the others.
const SMALL: usize = 100;
const MIDDLE: usize = 5_050;
const LARGE: usize = 10_000;

/// How much is measured.
struct Plan {
    rounds: usize,
    /// The number of rounds of work that takes a second or more.
    long_rounds: usize,
    /// Updates in a row in one round.
    calls: usize,
    /// Fresh processes for the time of the first object.
    starts: usize,
    /// Cards of the batch against the slow service.
    slow_batch: usize,
    /// Cards of the batch against the quick one.
    near_batch: usize,
}

const FULL: Plan = Plan { rounds: 60, long_rounds: 7, calls: 50, starts: 30, slow_batch: 2_000, near_batch: 2_000 };
const QUICK: Plan = Plan { rounds: 9, long_rounds: 3, calls: 20, starts: 7, slow_batch: 400, near_batch: 1_000 };

/// A row that can be measured.
struct Measure {
    what: Text,
    needs: Option<Tool>,
    run: fn(&Bench, Text) -> Result<Row>,
}

impl Measure {
    const fn new(what: Text, run: fn(&Bench, Text) -> Result<Row>) -> Measure {
        Measure { what, needs: None, run }
    }

    const fn with(tool: Tool, what: Text, run: fn(&Bench, Text) -> Result<Row>) -> Measure {
        Measure { what, needs: Some(tool), run }
    }
}

const ROWS: [Measure; 17] = [
    Measure::with(
        Tool::Curl,
        Text::new("Обновление карты по открытому соединению", "Card update over an open connection"),
        Bench::warm_update,
    ),
    Measure::with(
        Tool::Curl,
        Text::new("Обновление карты новым объектом компоненты", "Card update by a new object"),
        Bench::new_object_each,
    ),
    Measure::with(
        Tool::Curl,
        Text::new("Первое обновление карты в новом процессе", "First card update of a process"),
        Bench::first_update,
    ),
    Measure::with(
        Tool::Curl,
        Text::new(
            "Первое обновление в новом процессе, ещё 300 корневых сертификатов",
            "First card update, 300 more authorities in the store",
        ),
        Bench::first_update_by_store,
    ),
    Measure::new(
        Text::new("Обновление карты, 20 мс до сервера", "Card update, 20 ms to the server"),
        Bench::far_update,
    ),
    Measure::new(
        Text::new("Пакет карт, 8 одновременно, 20 мс до сервера", "Batch, 8 cards at a time, 20 ms to the server"),
        Bench::far_batch,
    ),
    Measure::with(
        Tool::Curl,
        Text::new("Пакет карт, 8 одновременно, без задержки, на карту", "Batch, 8 cards at a time, no delay, per card"),
        Bench::near_batch,
    ),
    Measure::new(
        Text::new("Создание карт пакетом, 8 одновременно, 20 мс", "Creation in a batch, 8 cards at a time, 20 ms"),
        Bench::far_creations,
    ),
    Measure::new(
        Text::new("Время на карту в пакете из 10 000", "Time per card in a batch of 10,000"),
        Bench::growth_of_time,
    ),
    Measure::new(
        Text::new("Память на карту в пакете, вторые 5 000", "Memory per card in a batch, the second 5,000"),
        Bench::growth_of_memory,
    ),
    Measure::new(Text::new("Чтение свойства", "Reading a property"), Bench::property),
    Measure::new(
        Text::new("Вызов метода, который завершается исключением", "Method call that raises an exception"),
        Bench::failing_method,
    ),
    Measure::new(Text::new("Размер библиотеки", "Size of the library"), Bench::size),
    Measure::new(Text::new("От dlopen до первого объекта", "From dlopen to the first object"), Bench::first_object),
    Measure::with(
        Tool::Strace,
        Text::new("Системных вызовов на 1 000 обновлений", "System calls of 1,000 updates"),
        Bench::system_calls,
    ),
    Measure::with(
        Tool::Strace,
        Text::new("Байт по сети на 1 000 обновлений", "Bytes on the wire of 1,000 updates"),
        Bench::bytes_on_the_wire,
    ),
    Measure::with(
        Tool::Valgrind,
        Text::new("Команд процессора на 1 000 обновлений", "User instructions of 1,000 updates"),
        Bench::instructions,
    ),
];

/// The rows that a run measures.
pub struct Selection(Vec<&'static Measure>);

impl Selection {
    /// The rows whose English name contains the word; all without a word.
    ///
    /// # Errors
    /// There is no such row.
    pub fn of(word: Option<&str>) -> Result<Selection> {
        let word = word.unwrap_or_default().to_lowercase();
        let rows: Vec<_> = ROWS.iter().filter(|row| row.what.english.to_lowercase().contains(&word)).collect();
        let names = || ROWS.iter().map(|row| format!("\n    {}", row.what.english)).collect::<String>();
        ensure!(!rows.is_empty(), "no row has \"{word}\" in its name; there are{}", names());
        Ok(Selection(rows))
    }

    /// The tools that some rows need and this machine lacks.
    pub fn missing(&self) -> Result<Vec<Tool>> {
        let mut missing = Vec::new();
        for tool in Tool::ALL {
            if self.0.iter().any(|row| row.needs == Some(tool)) && !tool.is_installed()? {
                missing.push(tool);
            }
        }
        Ok(missing)
    }

    /// Leaves the rows out that need one of these.
    pub fn without(mut self, tools: &[Tool]) -> Selection {
        self.0.retain(|row| !row.needs.is_some_and(|tool| tools.contains(&tool)));
        self
    }

    /// Measures the rows of a library.
    pub fn measure(&self, library: &Path, quick: bool) -> Result<Vec<Row>> {
        let bench = Bench::start(library, if quick { QUICK } else { FULL })?;
        let measure = |row: &&Measure| {
            eprintln!("{}…", row.what.english);
            (row.run)(&bench, row.what)
        };
        self.0.iter().map(measure).collect()
    }
}

/// What all rows work with.
struct Bench {
    plan: Plan,
    path: PathBuf,
    library: Library,
    service: Service,
    card: String,
    /// The program of [`Curl`]; `None` if libcurl is not installed.
    curl: Option<PathBuf>,
    /// The system calls of the component, and of libcurl if it is installed.
    traces: OnceCell<(Trace, Option<Trace>)>,
    folder: TempDir,
}

impl Bench {
    fn start(path: &Path, plan: Plan) -> Result<Bench> {
        let folder = tempfile::tempdir()?;
        let library = Library::open(path)?;
        let service = Service::start(Duration::ZERO)?;
        let card = only_card(&library, &service)?;
        let curl = if native::has_curl()? { Some(native::curl(folder.path())?) } else { None };
        Ok(Bench { plan, path: path.to_owned(), library, service, card, curl, traces: OnceCell::new(), folder })
    }

    fn component(&self, service: &Service) -> Result<Object> {
        shop::component(&self.library, service.url(), service.ca_file())
    }

    fn cards(&self, service: &Service, count: usize) -> Result<Vec<String>> {
        shop::create_cards(&self.library, service.url(), service.ca_file(), count)
    }

    fn start_curl(&self, handle: Handle) -> Result<Curl> {
        let program = self.curl.as_ref().context("libcurl is missing")?;
        Curl::start(program, &self.service, &body(&self.card), handle)
    }

    fn warm_update(&self, what: Text) -> Result<Row> {
        let object = self.component(&self.service)?;
        let mut own = Local::new(|| shop::update(&object, &self.card));
        let mut curl = self.start_curl(Handle::Kept)?;
        let mut blocking = Local::new(blocking_update(&self.service, &self.card)?);
        let mut bare = Local::new(bare::update(&self.service, &body(&self.card))?);
        let contenders: [&mut dyn Contender; 4] = [&mut own, &mut curl, &mut blocking, &mut bare];
        let series = interleave(self.plan.rounds, self.plan.calls, contenders)?;
        let mut row = compared(what, &series[0], (Text::same("libcurl"), &series[1]), Goal::AtMost(1.0));
        for (name, series) in [
            (Text::same("reqwest::blocking"), &series[2]),
            (Text::new("предел: один rustls", "limit: bare rustls"), &series[3]),
        ] {
            row.bars.push(Bar { name, figure: Quantity::Seconds(series.median()) });
        }
        Ok(row)
    }

    fn new_object_each(&self, what: Text) -> Result<Row> {
        let mut own = Local::new(|| shop::update(&self.component(&self.service)?, &self.card));
        let mut curl = self.start_curl(Handle::Fresh)?;
        let [own, curl] = interleave(self.plan.rounds, self.plan.calls.div_ceil(4), [&mut own, &mut curl])?;
        Ok(Row {
            what,
            bars: bars(&own, Text::new("libcurl, новое соединение", "libcurl, new connection"), &curl),
            ratio: curl.ratio_to(&own),
            cpu_ratio: Some(curl.cpu_ratio_to(&own)),
            is_count: false,
            goal: Goal::AtLeast(25.0),
        })
    }

    fn first_update(&self, what: Text) -> Result<Row> {
        self.first_updates(what, None)
    }

    /// The component reads these besides the system's own store, libcurl nothing else.
    fn first_update_by_store(&self, what: Text) -> Result<Row> {
        let store = self.folder.path().join("store.pem");
        let service = std::fs::read_to_string(self.service.ca_file())?;
        std::fs::write(&store, authorities::pem(300)? + &service)?;
        self.first_updates(what, Some(&store))
    }

    fn first_updates(&self, what: Text, store: Option<&Path>) -> Result<Row> {
        let body = body(&self.card);
        let program = self.curl.as_ref().context("libcurl is missing")?;
        let own = Updater::Component { library: &self.path, card: &self.card, store };
        let curl = Updater::Curl { program, body: &body, store };
        let mut own = Local::new(|| own.run(&self.service, 0));
        let mut curl = Local::new(|| curl.run(&self.service, 0));
        let [own, curl] = interleave(self.plan.starts, 1, [&mut own, &mut curl])?;
        let row = compared(what, &own, (Text::same("libcurl"), &curl), Goal::AtMost(1.0));
        // The processor's time is that of other processes, which is not measured.
        Ok(Row { cpu_ratio: None, ..row })
    }

    fn near_batch(&self, what: Text) -> Result<Row> {
        let cards = self.cards(&self.service, self.plan.near_batch)?;
        let object = self.component(&self.service)?;
        let batch = shop::batch(&cards);
        let worth = u32::try_from(self.plan.near_batch)?;
        let mut own = Local::new(|| shop::update_all(&object, &batch, PARALLELISM)).worth(worth);
        let mut curl = self.start_curl(Handle::Many { requests: self.plan.near_batch })?;
        let [own, curl] = interleave(self.plan.long_rounds, 1, [&mut own, &mut curl])?;
        Ok(compared(what, &own, (Text::same("libcurl, curl_multi"), &curl), Goal::AtMost(1.0)))
    }

    fn far_update(&self, what: Text) -> Result<Row> {
        let far = Service::start(LATENCY)?;
        let card = only_card(&self.library, &far)?;
        let object = self.component(&far)?;
        let mut own = Local::new(|| shop::update(&object, &card));
        let [own] = interleave(self.plan.rounds, 5, [&mut own])?;
        let figure = own.median();
        Ok(limited(
            what,
            Quantity::Seconds(figure),
            Text::new("сам путь", "the way itself"),
            Quantity::Seconds(LATENCY.as_secs_f64()),
            1.1,
        ))
    }

    fn far_batch(&self, what: Text) -> Result<Row> {
        let far = Service::start(LATENCY)?;
        let cards = self.cards(&far, self.plan.slow_batch)?;
        let batch = shop::batch(&cards);
        let object = self.component(&far)?;
        let mut own =
            Local::new(|| shop::update_all(&object, &batch, PARALLELISM)).worth(u32::try_from(self.plan.slow_batch)?);
        let (own, curl) = match (&self.curl, cards.first()) {
            (Some(program), Some(card)) => {
                let handle = Handle::Many { requests: self.plan.slow_batch };
                let mut curl = Curl::start(program, &far, &body(card), handle)?;
                let [own, curl] = interleave(self.plan.long_rounds, 1, [&mut own, &mut curl])?;
                (own, Some(curl))
            }
            _ => {
                let [own] = interleave(self.plan.long_rounds, 1, [&mut own])?;
                (own, None)
            }
        };
        let (rate, limit) = (own.median().recip(), f64::from(PARALLELISM) / LATENCY.as_secs_f64());
        let mut bars = vec![
            Bar { name: OWN, figure: Quantity::Rate(rate) },
            Bar { name: Text::new("предел 8 / 20 мс", "limit 8 / 20 ms"), figure: Quantity::Rate(limit) },
        ];
        // What a busy machine leaves of the limit is seen in what libcurl reaches beside it.
        if let Some(curl) = curl {
            let rate = Quantity::Rate(curl.median().recip());
            bars.push(Bar { name: Text::same("libcurl, curl_multi"), figure: rate });
        }
        Ok(Row { what, bars, ratio: rate / limit, cpu_ratio: None, is_count: false, goal: Goal::AtLeast(0.97) })
    }

    fn far_creations(&self, what: Text) -> Result<Row> {
        let far = Service::start(LATENCY)?;
        let count = self.plan.slow_batch;
        let object = self.component(&far)?;
        object.set("TemplateId", DEFAULT_TEMPLATE_ID)?;
        let updates = shop::batch(&self.cards(&far, count)?);
        let worth = u32::try_from(count)?;
        let mut creations = Local::new(|| shop::create_all(&object, count, PARALLELISM)).worth(worth);
        let mut updates = Local::new(|| shop::update_all(&object, &updates, PARALLELISM)).worth(worth);
        let series = interleave(self.plan.long_rounds, 1, [&mut creations, &mut updates])?;
        Ok(compared(what, &series[0], (Text::same("UpdateCards"), &series[1]), Goal::AtMost(1.05)))
    }

    fn growth_of_time(&self, what: Text) -> Result<Row> {
        let cards = self.cards(&self.service, LARGE)?;
        let object = self.component(&self.service)?;
        let (small, large) = (shop::batch(&cards[..SMALL]), shop::batch(&cards));
        let mut small = Local::new(|| shop::update_all(&object, &small, 4)).repeated(20).worth(u32::try_from(SMALL)?);
        let mut large = Local::new(|| shop::update_all(&object, &large, 4)).worth(u32::try_from(LARGE)?);
        let [large, small] = interleave(self.plan.long_rounds, 1, [&mut large, &mut small])?;
        Ok(compared(what, &large, (Text::new("в пакете из 100", "in a batch of 100"), &small), Goal::AtMost(1.05)))
    }

    fn growth_of_memory(&self, what: Text) -> Result<Row> {
        let cards = self.cards(&self.service, LARGE)?;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.long_rounds {
            let peak = |count: usize| part::measure_batch_memory(&self.path, &self.service, &cards[..count]);
            let (small, middle, large) = (peak(SMALL)?, peak(MIDDLE)?, peak(LARGE)?);
            first.push((middle - small) / (MIDDLE - SMALL) as f64);
            second.push((large - middle) / (LARGE - MIDDLE) as f64);
        }
        let figures = (median(second), median(first));
        Ok(limited(
            what,
            Quantity::Bytes(figures.0),
            Text::new("первые 5 000", "the first 5,000"),
            Quantity::Bytes(figures.1),
            1.1,
        ))
    }

    fn property(&self, what: Text) -> Result<Row> {
        self.against_cpp(what, |object| Ok(object.get("Version")?))
    }

    fn failing_method(&self, what: Text) -> Result<Row> {
        self.against_cpp(what, |object| match object.function("UpdateCard", &["".into()]) {
            Err(CallError::Raised(error)) => {
                object.take_errors();
                Ok(error)
            }
            other => bail!("expected a BSL exception, got {other:?}"),
        })
    }

    /// The same work by the component and by the C++ add-in; both must have the same result.
    fn against_cpp<T: PartialEq + Debug>(&self, what: Text, work: impl Fn(&Object) -> Result<T>) -> Result<Row> {
        let own = self.library.create("Passteam")?;
        let cpp = Library::open(&native::add_in(self.folder.path())?)?.create("Passteam")?;
        let (expected, got) = (work(&own)?, work(&cpp)?);
        ensure!(expected == got, "the C++ add-in does not do the same: {got:?} instead of {expected:?}");
        let [own, cpp] = interleave(
            self.plan.rounds,
            10,
            [
                &mut Local::new(|| work(&own).map(drop)).repeated(500),
                &mut Local::new(|| work(&cpp).map(drop)).repeated(500),
            ],
        )?;
        Ok(compared(what, &own, (Text::new("на C++", "in C++"), &cpp), Goal::AtMost(1.0)))
    }

    fn system_calls(&self, what: Text) -> Result<Row> {
        let (own, curl) = self.traces()?;
        for (name, trace) in [("component", Some(own)), ("libcurl", curl)] {
            let calls = trace.iter().flat_map(|trace| &trace.calls).map(|(name, count)| format!(" {name} {count}"));
            eprintln!("  {name}:{}", calls.collect::<String>());
        }
        Ok(counted(what, own.total() as f64, curl.map(|curl| curl.total() as f64), counts::SYSTEM_CALLS))
    }

    fn bytes_on_the_wire(&self, what: Text) -> Result<Row> {
        let (own, curl) = self.traces()?;
        Ok(counted(what, own.bytes as f64, curl.map(|curl| curl.bytes as f64), counts::BYTES))
    }

    fn instructions(&self, what: Text) -> Result<Row> {
        let (own, curl) = self.of_each(|updater| updater.instructions(&self.service, self.folder.path()))?;
        Ok(counted(what, own, curl, counts::INSTRUCTIONS))
    }

    fn traces(&self) -> Result<(&Trace, Option<&Trace>)> {
        if self.traces.get().is_none() {
            // It is empty, so setting it does not fail.
            let _ = self.traces.set(self.of_each(|updater| updater.trace(&self.service, self.folder.path()))?);
        }
        let (own, curl) = self.traces.get().context("there are traces now")?;
        Ok((own, curl.as_ref()))
    }

    /// Counts the updates of the component, and of libcurl if it is installed.
    fn of_each<T>(&self, count: impl Fn(Updater) -> Result<T>) -> Result<(T, Option<T>)> {
        let own = count(Updater::Component { library: &self.path, card: &self.card, store: None })?;
        let body = body(&self.card);
        let curl = self.curl.as_ref().map(|program| count(Updater::Curl { program, body: &body, store: None }));
        Ok((own, curl.transpose()?))
    }

    fn size(&self, what: Text) -> Result<Row> {
        let size = std::fs::metadata(&self.path)?.len() as f64;
        Ok(limited(what, Quantity::Bytes(size), Text::new("предел", "limit"), Quantity::Bytes(LARGEST_SIZE), 1.0))
    }

    fn first_object(&self, what: Text) -> Result<Row> {
        let times = (0..self.plan.starts).map(|_| part::measure_first_object(&self.path));
        let time = median(times.collect::<Result<Vec<_>>>()?);
        Ok(limited(what, Quantity::Seconds(time), Text::new("предел", "limit"), Quantity::Seconds(LONGEST_START), 1.0))
    }
}

/// The name of the first figure of every row.
const OWN: Text = Text::new("компонента", "component");

fn bars(own: &Series, name: Text, other: &Series) -> Vec<Bar> {
    vec![
        Bar { name: OWN, figure: Quantity::Seconds(own.median()) },
        Bar { name, figure: Quantity::Seconds(other.median()) },
    ]
}

fn compared(what: Text, own: &Series, (name, other): (Text, &Series), goal: Goal) -> Row {
    Row {
        what,
        bars: bars(own, name, other),
        ratio: own.ratio_to(other),
        cpu_ratio: Some(own.cpu_ratio_to(other)),
        is_count: false,
        goal,
    }
}

/// A count against its limit. Without libcurl it shows what libcurl's count was when the limit was set.
fn counted(what: Text, own: f64, curl: Option<f64>, limit: Limit) -> Row {
    let mut row = limited(what, Quantity::Count(own), Text::new("предел", "limit"), Quantity::Count(limit.most), 1.0);
    row.bars.push(Bar { name: Text::same("libcurl"), figure: Quantity::Count(curl.unwrap_or(limit.curl)) });
    Row { is_count: true, ..row }
}

/// A figure that should be at most `most` times a limit.
fn limited(what: Text, figure: Quantity, name: Text, limit: Quantity, most: f64) -> Row {
    let bars = vec![Bar { name: OWN, figure }, Bar { name, figure: limit }];
    Row {
        what,
        bars,
        ratio: figure.number() / limit.number(),
        cpu_ratio: None,
        is_count: false,
        goal: Goal::AtMost(most),
    }
}

fn only_card(library: &Library, service: &Service) -> Result<String> {
    shop::create_cards(library, service.url(), service.ca_file(), 1)?.pop().context("no card was created")
}

/// The body of the request that [`shop::update`] sends.
fn body(card: &str) -> String {
    format!("cardId={card}{}", shop::VALUES_FORM)
}

/// An update by `reqwest::blocking`.
fn blocking_update(service: &Service, card: &str) -> Result<impl FnMut() -> Result<()> + use<>> {
    // It fails if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = reqwest::Certificate::from_pem(&std::fs::read(service.ca_file())?)?;
    let client = reqwest::blocking::Client::builder().tls_certs_only([certificate]).no_proxy().build()?;
    let (url, body) = (format!("{}/updatecard", service.url()), body(card));
    Ok(move || {
        let request = client.post(&url).header("Authorization", DEFAULT_TOKEN);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.clone());
        let answer = request.send()?.text()?;
        ensure!(answer.contains("\"code\":200"), "a measured call failed: {answer}");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_a_word_of_their_name() {
        assert_eq!(Selection::of(None).unwrap().0.len(), ROWS.len());
        let size = Selection::of(Some("SIZE")).unwrap();
        assert_eq!(size.0.iter().map(|row| row.what.english).collect::<Vec<_>>(), ["Size of the library"]);
        assert_eq!(size.missing().unwrap(), []);
        let rest = Selection::of(None).unwrap().without(&[Tool::Curl, Tool::Strace]);
        assert_eq!(rest.0.len(), ROWS.len() - 7);
        assert!(!rest.missing().unwrap().contains(&Tool::Curl));
    }

    #[test]
    fn a_word_that_no_row_has_is_refused_with_the_names_that_there_are() {
        let error = Selection::of(Some("sise")).err().unwrap().to_string();
        assert!(error.contains("sise") && error.contains("Size of the library"), "{error}");
    }
}
