//! The day itself: what happens in the shop, what runs then, and what must come of it.
//!
//! What a 1C developer would write or read stands here in BSL; everything between is in the language of the demo.

use std::path::Path;

use addin_host::Language;
use bsl_run::platform::{Session, SessionError};
use bsl_run::{Name, Res, Value, Vm};
use chrono::Duration;
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Drop, Fault, Sandbox};

use super::error::DemoError;
use super::shop::{Base, JOB, WALK};
use crate::project::VERSION;

const ANNA: &str = "Иванова Анна";
const OLEG: &str = "Петров Олег";
/// A name that breaks requests whose text was put together without encoding.
const AWKWARD_NAME: &str = "Кафе «A&B» 100% + \"друзья\" 🎁";
/// How often the component sends an update before it gives up.
const REPEATS: usize = 3;
const SETTINGS: &str = "Обработка.НастройкаPassteam.Форма.Форма";

/// A text in Russian and in English.
type Text<'a> = [&'a str; 2];

/// Plays the whole day; returns how many results were wrong.
pub fn play(zip: &Path, sandbox: &Sandbox, ca_file: Option<&Path>, language: Language) -> Result<usize, DemoError> {
    let name = |file: &Path| file.to_str().map(str::to_owned).ok_or_else(|| DemoError::FolderName(file.to_owned()));
    let ca_file = ca_file.map(name).transpose()?;
    let mut day = Day { base: Base::open(zip, language)?, sandbox, wrong: 0, language };
    day.settings(ca_file);
    day.morning();
    day.refusals();
    day.sales();
    day.names();
    day.copies_and_cancellations();
    day.replacement();
    day.failures();
    day.at_once();
    Ok(day.end())
}

/// Prints the name of a part of the transcript.
pub fn title(text: &str) {
    println!("\n── {text} ──");
}

/// The shop, and how many results were wrong so far.
struct Day<'s> {
    base: Base,
    sandbox: &'s Sandbox,
    wrong: usize,
    language: Language,
}

impl Day<'_> {
    fn settings(&mut self, ca_file: Option<String>) {
        self.title(["Настройка", "Settings"]);
        let mut values = vec![
            ("Токен", DEFAULT_TOKEN.to_owned()),
            ("ИдентификаторШаблона", DEFAULT_TEMPLATE_ID.to_owned()),
            ("АдресСервера", self.sandbox.url()),
            ("Прокси", "direct".to_owned()),
        ];
        values.extend(ca_file.map(|file| ("ФайлСертификатов", file)));
        for (name, value) in &values {
            println!("> Форма.{name} = \"{}\"", if *name == "Токен" { "***" } else { value });
        }
        println!("> Форма.ЭтаБазаВедетКарты = Истина");
        let checked = self.base.work(|vm, session| {
            let form = session.open_form(vm, SETTINGS)?.unwrap_or_default();
            for (name, value) in &values {
                vm.set_member(&form, &Name::new(name), Value::str(value))?;
            }
            vm.set_member(&form, &Name::new("ЭтаБазаВедетКарты"), Value::Bool(true))?;
            check_connection(vm, session, &form)
        });
        let works = checked.as_ref().is_ok_and(|(works, text)| *works && text.contains(VERSION));
        self.report_failure(&checked);
        self.check(
            works,
            ["подключение работает, версия та же, что у архива", "the connection works, the version is the bundle's"],
        );
        // Until then no card is created: the service might have it.
        self.run_job(WALK);
        let is_complete = self.base.ask("КартыPassteam.РеестрПолон(ИнтеграцияPassteam.АдресСервиса())");
        self.check(
            is_complete == "Да",
            [
                "карт этой базы в сервисе нет, можно создавать",
                "the service has none of this base's cards: they may be created",
            ],
        );
    }

    fn morning(&mut self) {
        self.title(["Утро: две новые карты", "Morning: two new cards"]);
        self.act(&format!("НоваяКарта(\"{ANNA}\", \"+79161234567\")"));
        self.is_marked(ANNA);
        self.act(&format!("НоваяКарта(\"{OLEG}\", \"+79037654321\")"));
        self.check(
            !self.sandbox.requests().iter().any(|request| matches!(&*request.method, "createcard" | "updatecard")),
            ["запись карт ничего не отправляет", "writing cards sends nothing"],
        );
        self.job();
        self.state(ANNA, "");
        let id = self.known(ANNA, "Идентификатор");
        self.check(
            id.len() == 24 && self.served(ANNA, "PHONE") == "79161234567",
            ["карта Анны есть в сервисе, cardId записан", "the service has Anna's card, its cardId is stored"],
        );
        let url = self.sandbox.card(&id).map(|card| card.url).unwrap_or_default();
        self.check(
            !url.is_empty() && self.known(ANNA, "Ссылка") == url,
            ["ссылка для телефона записана без изменений", "the link for the phone is stored unchanged"],
        );
        self.check(self.sandbox.cards().len() == 2, ["карт в сервисе две", "the service has two cards"]);
    }

    fn refusals(&mut self) {
        self.title(["Тот же телефон ещё раз", "The same phone again"]);
        self.act("НоваяКарта(\"Иванова Мария\", \"+79161234567\")");
        self.job();
        self.kind("Иванова Мария", "Duplicate");
        self.check(self.sandbox.cards().len() == 2, ["новой карты нет", "there is no new card"]);
    }

    fn sales(&mut self) {
        self.title(["Продажа: у Анны 12 500,50 баллов", "A sale: Anna has 12,500.50 points"]);
        self.act(&format!("Чек(\"{ANNA}\", 12500.5)"));
        self.is_marked(ANNA);
        self.job();
        self.check(
            self.served(ANNA, "BONUS") == "12500.5",
            ["в сервис ушло 12500.5, без пробелов и запятой", "12500.5 arrived, without spaces and comma"],
        );
        self.check(
            self.known(ANNA, "Установлена") == "Нет",
            ["карта ещё не в телефоне", "the card is not in the phone yet"],
        );

        self.title(["Анна установила карту в телефон", "Anna has put the card into her phone"]);
        self.sandbox.set_installed(&self.known(ANNA, "Идентификатор"), true);
        self.act(&format!("Чек(\"{ANNA}\", 100)"));
        self.job();
        self.check(
            self.known(ANNA, "Установлена") == "Да" && self.served(ANNA, "BONUS") == "12600.5",
            ["следующее обновление это видит", "the next update sees that"],
        );

        self.title(["Продажа из магазина, загруженная обменом", "A shop's sale that exchange loads"]);
        self.act(&format!("ЗагрузитьДвижения(\"{OLEG}\", 150)"));
        self.is_marked(OLEG);
        self.job();
        self.check(self.served(OLEG, "BONUS") == "150", ["баланс Олега верный", "Oleg's balance is right"]);
    }

    fn names(&mut self) {
        self.title([
            "Имя со знаками, на которых ломаются самодельные запросы",
            "A name that breaks home-made requests",
        ]);
        self.act(&format!("Переименовать(\"{OLEG}\", \"{}\")", AWKWARD_NAME.replace('"', "\"\"")));
        self.job();
        self.check(
            self.served(OLEG, "CLIENT_NAME") == AWKWARD_NAME,
            ["имя дошло без искажений", "the name arrived unchanged"],
        );
    }

    fn copies_and_cancellations(&mut self) {
        self.title(["Отменённая продажа", "A cancelled sale"]);
        self.act(&format!("НачатьТранзакцию(); Чек(\"{ANNA}\", 5); ОтменитьТранзакцию()"));
        self.state(ANNA, "");

        self.title(["Копия карты", "A copy of a card"]);
        self.act(&format!(
            "Копия = Карта(\"{ANNA}\").ПолучитьОбъект().Скопировать(); Копия.Наименование = \"Копия\"; Копия.Записать()"
        ));
        self.check(
            self.known("Копия", "Идентификатор").is_empty(),
            ["у копии нет чужого cardId", "the copy has not the original's cardId"],
        );
        self.job();
        self.kind("Копия", "Duplicate");
    }

    fn replacement(&mut self) {
        self.title(["Замена потерянной карты", "A lost card is replaced"]);
        let id = self.known(OLEG, "Идентификатор");
        self.act(&format!(
            "КартаВладельца(\"Новая карта Олега\", Карта(\"{OLEG}\").ВладелецКарты); Заменить(\"{OLEG}\", \"Новая карта Олега\")"
        ));
        self.act("Чек(\"Новая карта Олега\", 30)");
        self.job();
        self.check(
            self.known("Новая карта Олега", "Идентификатор") == id
                && self.served("Новая карта Олега", "BONUS") == "180",
            [
                "в телефоне Олега прежняя карта, и баллы обеих на ней",
                "Oleg's phone keeps its card, with the points of both",
            ],
        );
    }

    fn failures(&mut self) {
        self.title(["Связь оборвалась", "The connection breaks"]);
        // The component repeats an update by itself; this outage is longer than that.
        for _ in 0..REPEATS {
            self.sandbox.push_fault(Fault::of("updatecard").drop_connection(Drop::BeforeAnswer));
        }
        self.act(&format!("Чек(\"{ANNA}\", 1000)"));
        self.job();
        self.kind(ANNA, "Connection");
        self.state(ANNA, "КОтправке");
        self.sandbox.clear_faults();
        self.base.wait(Duration::hours(1));
        println!("{}", self.language.pick("Прошёл час.", "An hour has passed."));
        self.job();
        self.check(
            self.served(ANNA, "BONUS") == "13600.5",
            ["баланс дошёл, когда связь вернулась", "the balance arrived when the connection was back"],
        );

        self.title(["Токен стёрли", "Somebody has erased the token"]);
        self.act(&format!("Чек(\"{ANNA}\", 1); СменитьТокен(\"\")"));
        println!("> {} {JOB}", self.language.pick("регламентное задание", "scheduled job"));
        let raised = self.base.job(JOB).err().map(|error| error.text).unwrap_or_default();
        println!("    {}: «{raised}»", self.language.pick("исключение", "exception"));
        self.check(
            raised.contains("Не задан токен"),
            ["исключение говорит, что сделать", "the exception says what to do"],
        );
        self.act(&format!("СменитьТокен(\"{DEFAULT_TOKEN}\")"));
        self.job();
        self.check(self.served(ANNA, "BONUS") == "13601.5", ["очередь продолжает", "the queue goes on"]);

        self.title(["Ответ на создание потерялся", "The answer to a creation got lost"]);
        self.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
        self.act("НоваяКарта(\"Сидоров Пётр\", \"+79260000001\")");
        self.job();
        self.state("Сидоров Пётр", "ТребуетРешения");
        self.base.wait(Duration::days(2));
        let before = self.sandbox.cards().len();
        println!("{}", self.language.pick("Прошло двое суток.", "Two days have passed."));
        self.job();
        self.check(self.sandbox.cards().len() == before, ["карта не создана второй раз", "no second card is created"]);
        self.run_job(WALK);
        self.job();
        self.state("Сидоров Пётр", "");
        self.check(
            self.served("Сидоров Пётр", "PHONE") == "79260000001" && self.sandbox.cards().len() == before,
            ["сверка нашла её по телефону и имени", "the walk over the service's cards found it by phone and name"],
        );
    }

    fn at_once(&mut self) {
        self.title(["Кнопка «Обновить сейчас»", "The button \"update now\""]);
        self.act("НоваяКарта(\"Орлова Вера\", \"+79260000002\")");
        self.press("Орлова Вера");
        self.check(
            self.known("Орлова Вера", "Идентификатор").len() == 24,
            ["карта создана, задание ждать не пришлось", "the card is created before any job runs"],
        );
        self.act("Чек(\"Орлова Вера\", 77)");
        self.press("Орлова Вера");
        self.check(
            self.served("Орлова Вера", "BONUS") == "77",
            ["баланс ушёл, пока покупатель у кассы", "the balance is sent while the customer is at the till"],
        );
    }

    fn end(mut self) -> usize {
        let is_clean = self.base.is_clean();
        println!();
        self.check(is_clean, ["вся память возвращена платформе", "all memory is given back to the platform"]);
        self.wrong
    }

    // What happens.

    fn title(&self, [russian, english]: Text) {
        title(self.language.pick(russian, english));
    }

    /// Runs what the shop does; an exception is a wrong result.
    fn act(&mut self, statements: &str) {
        println!("> {}", statements.replace(DEFAULT_TOKEN, "***"));
        let done = self.base.run(statements);
        for message in done.iter().flatten() {
            println!("    {}: «{message}»", self.language.pick("сообщение", "message"));
        }
        self.report_failure(&done);
    }

    /// Presses the button that sends a card now; what it tells.
    fn press(&mut self, name: &str) {
        self.act(&format!("Сообщить(ОчередьPassteam.ОбновитьСейчас(Карта(\"{name}\")))"));
    }

    fn job(&mut self) {
        self.run_job(JOB);
    }

    fn run_job(&mut self, name: &str) {
        println!("> {} {name}", self.language.pick("регламентное задание", "scheduled job"));
        let done = self.base.job(name);
        self.report_failure(&done);
    }

    fn report_failure<T>(&mut self, done: &Result<T, SessionError>) {
        if let Err(error) = done {
            self.check(false, [&error.text; 2]);
        }
    }

    // What must come of it.

    /// A handler has marked a card.
    fn is_marked(&mut self, name: &str) {
        let marked = self.base.ask(&format!("Отмечена(\"{name}\")"));
        self.check(marked == "Да", ["карта отмечена", "the card is marked"]);
    }

    /// A card's record in the queue has this state; there is none if the state is empty.
    fn state(&mut self, name: &str, state: &str) {
        let real = self.base.ask(&format!("ЗаписьОчереди(\"{name}\", \"Состояние\")"));
        let [russian, english] = match state {
            "" => ["записи в очереди нет".to_owned(), "there is no record in the queue".to_owned()],
            state => [format!("состояние записи — {state}"), format!("the record's state is {state}")],
        };
        self.check(real == state, [&russian, &english]);
    }

    /// The last failure of a card is of this kind.
    fn kind(&mut self, name: &str, kind: &str) {
        let real = self.base.ask(&format!("ЗаписьОчереди(\"{name}\", \"ВидОшибки\")"));
        let text = self.base.ask(&format!("ЗаписьОчереди(\"{name}\", \"ПоследняяОшибка\")"));
        println!("    {kind}: {text}");
        self.check(
            real == kind,
            ["вид ошибки верный, исключения нет", "the kind of error is right, and there is no exception"],
        );
    }

    /// What the base knows of a card in the service.
    fn known(&self, name: &str, field: &str) -> String {
        self.base.ask(&format!("КартаСервиса(\"{name}\", \"{field}\")"))
    }

    /// A variable of a card in the service.
    fn served(&self, name: &str, variable: &str) -> String {
        let card = self.sandbox.card(&self.known(name, "Идентификатор"));
        card.and_then(|card| card.get(variable).map(str::to_owned)).unwrap_or_default()
    }

    fn check(&mut self, right: bool, [russian, english]: Text) {
        self.wrong += usize::from(!right);
        let what = self.language.pick(russian, english);
        let wrong = self.language.pick("НЕВЕРНО", "WRONG");
        if right { println!("    ✓ {what}") } else { println!("    ✗ {wrong}: {what}") }
    }
}

/// Writes the settings of the form and checks the connection with them; whether it works, and the text.
fn check_connection(vm: &mut Vm, session: &Session, form: &Value) -> Res<(bool, String)> {
    let result = session.call_form(vm, form, "ПроверитьПодключениеНаСервере", &mut [])?;
    session.call_form(vm, form, "ЗаписатьНастройкиНаСервере", &mut [])?;
    let works = vm.get_member(&result, &Name::new("Успешно"))?.truth()?;
    Ok((works, vm.get_member(&result, &Name::new("Текст"))?.text().to_string()))
}
