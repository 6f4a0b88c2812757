//! What is measured: one function a row.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;

use addin_host::{CallError, Library, Object};
use anyhow::{Context, Result, bail, ensure};
use passteam_sandbox::DEFAULT_TOKEN;
use tempfile::TempDir;

use super::curl::{Curl, Handle};
use super::report::{Bar, Goal, Quantity, Row};
use super::rounds::{Local, Series, interleave, median};
use super::service::Service;
use super::{native, part, shop};

/// How the figures came about, for their reader.
pub const CONDITIONS: &str = "TLS 1.3 через loopback, сервис (песочница) в отдельном процессе на своём процессоре; \
    20 мс до сервера задаёт песочница: она отвечает через 20 мс после запроса.";

const LATENCY: Duration = Duration::from_millis(20);
const PARALLELISM: i32 = 8;
const LARGEST_SIZE: f64 = 3e6;
const LONGEST_START: f64 = 2e-3;

/// The sizes of batches whose growth is compared; the middle one halves the way.
const SMALL: usize = 100;
const MIDDLE: usize = 5_050;
const LARGE: usize = 10_000;

/// How long a run is.
struct Plan {
    rounds: usize,
    /// Rounds of what takes a second or more.
    long_rounds: usize,
    /// Updates in a row in one round.
    calls: usize,
    /// Fresh processes for the time of the first object.
    starts: usize,
    /// Cards of the batch against the slow service.
    slow_batch: usize,
}

const FULL: Plan = Plan { rounds: 60, long_rounds: 7, calls: 50, starts: 30, slow_batch: 2_000 };
const QUICK: Plan = Plan { rounds: 9, long_rounds: 1, calls: 20, starts: 7, slow_batch: 400 };

/// A row, and whether it needs libcurl.
type Measure = (&'static str, bool, fn(&Bench, String) -> Result<Row>);

const ROWS: [Measure; 10] = [
    ("Обновление карты по открытому соединению", true, Bench::warm_update),
    ("Обновление карты новым объектом компоненты", true, Bench::new_object_each),
    ("Обновление карты, 20 мс до сервера", false, Bench::far_update),
    ("Пакет карт, 8 одновременно, 20 мс до сервера", false, Bench::far_batch),
    ("Время на карту в пакете из 10 000", false, Bench::growth_of_time),
    ("Память на карту в пакете, вторые 5 000", false, Bench::growth_of_memory),
    ("Чтение свойства", false, Bench::property),
    ("Вызов метода, который кончается исключением", false, Bench::failing_method),
    ("Размер библиотеки", false, Bench::size),
    ("От dlopen до первого объекта", false, Bench::first_object),
];

/// Measures the rows whose names have this word in them, and says whether some were left out for lack of libcurl.
pub fn measure(library: &Path, quick: bool, only: Option<&str>) -> Result<(Vec<Row>, bool)> {
    let bench = Bench::start(library, if quick { QUICK } else { FULL })?;
    let mut rows = Vec::new();
    let mut missing = false;
    for (name, needs_curl, measure) in ROWS {
        if !only.is_none_or(|word| name.contains(word)) {
            continue;
        }
        if needs_curl && bench.curl.is_none() {
            missing = true;
            continue;
        }
        eprintln!("{name}…");
        rows.push(measure(&bench, name.to_owned())?);
    }
    Ok((rows, missing))
}

/// What all rows work with.
struct Bench {
    plan: Plan,
    path: PathBuf,
    library: Library,
    service: Service,
    card: String,
    /// The program of [`Curl`].
    curl: Option<PathBuf>,
    folder: TempDir,
}

impl Bench {
    fn start(path: &Path, plan: Plan) -> Result<Bench> {
        let folder = tempfile::tempdir()?;
        let library = Library::open(path)?;
        let service = Service::start(Duration::ZERO)?;
        let card = only_card(&library, &service)?;
        let curl = native::curl(folder.path())?;
        Ok(Bench { plan, path: path.to_owned(), library, service, card, curl, folder })
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

    fn warm_update(&self, what: String) -> Result<Row> {
        let object = self.component(&self.service)?;
        let mut own = Local::new(|| shop::update(&object, &self.card));
        let mut curl = self.start_curl(Handle::Kept)?;
        let mut blocking = Local::new(blocking_update(&self.service, &self.card)?);
        let series = interleave(self.plan.rounds, self.plan.calls, [&mut own, &mut curl, &mut blocking])?;
        let mut row = compared(what, &series[0], ("libcurl", &series[1]), Goal::AtMost(1.1));
        row.bars.push(Bar { name: "reqwest::blocking", figure: Quantity::Seconds(series[2].median()) });
        Ok(row)
    }

    fn new_object_each(&self, what: String) -> Result<Row> {
        let mut own = Local::new(|| shop::update(&self.component(&self.service)?, &self.card));
        let mut curl = self.start_curl(Handle::Fresh)?;
        let [own, curl] = interleave(self.plan.rounds, self.plan.calls.div_ceil(4), [&mut own, &mut curl])?;
        Ok(Row {
            what,
            bars: bars(&own, "libcurl, новое соединение", &curl),
            ratio: curl.ratio_to(&own),
            cpu_ratio: Some(curl.cpu_ratio_to(&own)),
            goal: Goal::AtLeast(8.0),
        })
    }

    fn far_update(&self, what: String) -> Result<Row> {
        let far = Service::start(LATENCY)?;
        let card = only_card(&self.library, &far)?;
        let object = self.component(&far)?;
        let mut own = Local::new(|| shop::update(&object, &card));
        let [own] = interleave(self.plan.rounds, 5, [&mut own])?;
        let figure = own.median();
        Ok(limited(what, Quantity::Seconds(figure), "сам путь", Quantity::Seconds(LATENCY.as_secs_f64()), 1.1))
    }

    fn far_batch(&self, what: String) -> Result<Row> {
        let far = Service::start(LATENCY)?;
        let batch = shop::batch(&self.cards(&far, self.plan.slow_batch)?);
        let object = self.component(&far)?;
        let mut own =
            Local::new(|| shop::update_all(&object, &batch, PARALLELISM)).worth(u32::try_from(self.plan.slow_batch)?);
        let [own] = interleave(self.plan.long_rounds, 1, [&mut own])?;
        let (rate, limit) = (own.median().recip(), f64::from(PARALLELISM) / LATENCY.as_secs_f64());
        Ok(Row {
            what,
            bars: vec![
                Bar { name: OWN, figure: Quantity::Rate(rate) },
                Bar { name: "предел 8 / 20 мс", figure: Quantity::Rate(limit) },
            ],
            ratio: rate / limit,
            cpu_ratio: None,
            goal: Goal::AtLeast(0.9),
        })
    }

    fn growth_of_time(&self, what: String) -> Result<Row> {
        let cards = self.cards(&self.service, LARGE)?;
        let object = self.component(&self.service)?;
        let (small, large) = (shop::batch(&cards[..SMALL]), shop::batch(&cards));
        let mut small = Local::new(|| shop::update_all(&object, &small, 4)).repeated(20).worth(u32::try_from(SMALL)?);
        let mut large = Local::new(|| shop::update_all(&object, &large, 4)).worth(u32::try_from(LARGE)?);
        let [large, small] = interleave(self.plan.long_rounds, 1, [&mut large, &mut small])?;
        Ok(compared(what, &large, ("в пакете из 100", &small), Goal::AtMost(1.1)))
    }

    fn growth_of_memory(&self, what: String) -> Result<Row> {
        let cards = self.cards(&self.service, LARGE)?;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.long_rounds {
            let peak = |count: usize| part::measure_batch_memory(&self.path, &self.service, &cards[..count]);
            let (small, middle, large) = (peak(SMALL)?, peak(MIDDLE)?, peak(LARGE)?);
            first.push((middle - small) / (MIDDLE - SMALL) as f64);
            second.push((large - middle) / (LARGE - MIDDLE) as f64);
        }
        let figures = (median(second), median(first));
        Ok(limited(what, Quantity::Bytes(figures.0), "первые 5 000", Quantity::Bytes(figures.1), 1.1))
    }

    fn property(&self, what: String) -> Result<Row> {
        self.against_cpp(what, |object| Ok(object.get("Version")?))
    }

    fn failing_method(&self, what: String) -> Result<Row> {
        self.against_cpp(what, |object| match object.function("UpdateCard", &["".into()]) {
            Err(CallError::Raised(error)) => {
                object.take_errors();
                Ok(error)
            }
            other => bail!("expected a BSL exception, got {other:?}"),
        })
    }

    /// The same work by the component and by the C++ add-in; both must have the same result.
    fn against_cpp<T: PartialEq + Debug>(&self, what: String, work: impl Fn(&Object) -> Result<T>) -> Result<Row> {
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
        Ok(compared(what, &own, ("на C++", &cpp), Goal::AtMost(1.2)))
    }

    fn size(&self, what: String) -> Result<Row> {
        let size = std::fs::metadata(&self.path)?.len() as f64;
        Ok(limited(what, Quantity::Bytes(size), "предел", Quantity::Bytes(LARGEST_SIZE), 1.0))
    }

    fn first_object(&self, what: String) -> Result<Row> {
        let times = (0..self.plan.starts).map(|_| part::measure_first_object(&self.path));
        let time = median(times.collect::<Result<Vec<_>>>()?);
        Ok(limited(what, Quantity::Seconds(time), "предел", Quantity::Seconds(LONGEST_START), 1.0))
    }
}

/// Whose figure stands first in every row.
const OWN: &str = "компонента";

fn bars(own: &Series, name: &'static str, other: &Series) -> Vec<Bar> {
    vec![
        Bar { name: OWN, figure: Quantity::Seconds(own.median()) },
        Bar { name, figure: Quantity::Seconds(other.median()) },
    ]
}

fn compared(what: String, own: &Series, (name, other): (&'static str, &Series), goal: Goal) -> Row {
    Row {
        what,
        bars: bars(own, name, other),
        ratio: own.ratio_to(other),
        cpu_ratio: Some(own.cpu_ratio_to(other)),
        goal,
    }
}

/// A figure held against another one that it should not exceed by more than `most` times.
fn limited(what: String, figure: Quantity, name: &'static str, limit: Quantity, most: f64) -> Row {
    let bars = vec![Bar { name: OWN, figure }, Bar { name, figure: limit }];
    Row { what, bars, ratio: figure.number() / limit.number(), cpu_ratio: None, goal: Goal::AtMost(most) }
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
    // Refused where it is already installed, which is as good.
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
