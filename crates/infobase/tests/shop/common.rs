//! A small shop: cards, owners, sales; and a short way to run a query and see its result as text.

use std::collections::BTreeMap;
use std::path::Path;

use infobase::metadata::Metadata;
use infobase::metadata::declared::{Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::{Datum, Infobase, ObjectData, Parameter, Record, Reference, SessionId, Settings, User};
use rust_decimal::Decimal;

pub const CARDS: &str = "Справочник.ИнформационныеКарты";
pub const PEOPLE: &str = "Справочник.ФизическиеЛица";
pub const POINTS: &str = "РегистрНакопления.БонусныеБаллы";

pub struct Shop {
    pub base: Infobase,
    pub session: SessionId,
}

/// The main configuration with the extension beside it.
pub fn metadata(variant: &Variant) -> Metadata {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension");
    let mut metadata = retail(variant).unwrap();
    add_extension(&mut metadata, &folder, variant).unwrap_or_else(|error| panic!("{error}"));
    metadata
}

impl Shop {
    pub fn new() -> Self {
        Self::of(&Variant::retail_23(), |_| {})
    }

    pub fn of(variant: &Variant, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::from(variant);
        change(&mut settings);
        let mut base = Infobase::in_memory(metadata(variant), settings).unwrap();
        let session = base.open_session(User::administrator());
        Shop { base, session }
    }

    pub fn object(&self, object: &str, fields: &[(&str, Datum)]) -> ObjectData {
        let mut data = self.base.new_object(&Reference::new_random(object), false).unwrap();
        for (name, value) in fields {
            assert!(data.fields.insert((*name).to_owned(), value.clone()).is_some(), "{object} has no {name}");
        }
        data
    }

    pub fn write(&mut self, mut data: ObjectData) -> Datum {
        self.base.write_object(self.session, &mut data).unwrap();
        Datum::Ref(data.reference)
    }

    pub fn card(&mut self, code: &str, owner: Datum) -> Datum {
        let kind = Datum::enumeration("Перечисление.ТипыИнформационныхКарт", "Дисконтная");
        let fields = [("КодКарты", Datum::text(code)), ("ВладелецКарты", owner), ("ТипКарты", kind)];
        let card = self.object(CARDS, &fields);
        self.write(card)
    }

    pub fn person(&mut self, name: &str) -> Datum {
        let person = self.object(PEOPLE, &[("Наименование", Datum::text(name))]);
        self.write(person)
    }

    /// A receipt that gives points to cards.
    pub fn receipt(&mut self, day: u32, points: &[(&Datum, i64)]) -> Datum {
        let receipt = Datum::Ref(Reference::new_random("Документ.ЧекККМ"));
        let records: Vec<Record> = points
            .iter()
            .map(|(card, points)| {
                record(&[
                    ("Период", date(day)),
                    ("ВидДвижения", Datum::enumeration("ВидДвиженияНакопления", "Приход")),
                    ("ДисконтнаяКарта", (*card).clone()),
                    ("Начислено", Datum::int(*points)),
                ])
            })
            .collect();
        let filter = record(&[("Регистратор", receipt.clone())]);
        self.base.write_records(self.session, POINTS, &filter, &records, true).unwrap();
        receipt
    }

    /// Runs a query and returns its rows, values by `|`.
    pub fn rows(&mut self, text: &str, parameters: &[(&str, Parameter)]) -> Vec<String> {
        let parameters: BTreeMap<String, Parameter> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let found =
            self.base.query_last(self.session, text, &parameters).unwrap_or_else(|error| panic!("{text}\n{error}"));
        let line = |row: &Vec<Datum>| row.iter().map(show).collect::<Vec<_>>().join("|");
        found.rows.iter().map(line).collect()
    }

    pub fn query(&mut self, text: &str) -> infobase::Result<infobase::Rows> {
        let value = [("П".to_owned(), Parameter::Value(Datum::int(1)))].into();
        self.base.query_last(self.session, text, &value)
    }

    /// How SQLite goes about a query.
    pub fn plan(&mut self, text: &str, parameters: &[(&str, Parameter)]) -> String {
        let parameters: BTreeMap<String, Parameter> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.base.explain(self.session, text, &parameters).unwrap()
    }

    pub fn error(&mut self, text: &str) -> String {
        self.base.query_last(self.session, text, &BTreeMap::new()).unwrap_err().to_string()
    }
}

fn show(value: &Datum) -> String {
    match value {
        Datum::Enum(value) => value.value.to_string(),
        Datum::Number(number) => number.normalize().to_string(),
        value => value.to_string(),
    }
}

pub fn record(fields: &[(&str, Datum)]) -> Record {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A day of March 2026.
pub fn date(day: u32) -> Datum {
    Datum::Date(moment(day))
}

pub fn moment(day: u32) -> chrono::NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(2026, 3, day).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

pub fn value(value: Datum) -> Parameter {
    Parameter::Value(value)
}

pub fn money(kopecks: i64) -> Datum {
    Datum::Number(Decimal::new(kopecks, 2))
}
