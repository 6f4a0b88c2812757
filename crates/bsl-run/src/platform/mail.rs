//! БСП's mail: its system account, and the letters that it has sent.

use infobase::{Datum, Reference};
use uuid::Uuid;

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::collections::{Array, Map, Structure};
use crate::error::{self, Failure, Res};
use crate::object::Args;
use crate::value::{Name, Value};
use crate::vm::Vm;

const ACCOUNTS: &str = "Справочник.УчетныеЗаписиЭлектроннойПочты";

/// The post office of a shop.
#[derive(Debug, Default)]
pub struct Post {
    /// Whether the system account is set up to send.
    pub account_ready: bool,
    /// Why the mail server takes no letter.
    pub refusal: Option<String>,
    /// What was sent.
    pub letters: Vec<Letter>,
}

/// A letter that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Addresses.
    pub to: Vec<String>,
    /// `Тема`.
    pub subject: String,
    /// `Тело`.
    pub body: String,
}

/// `СистемнаяУчетнаяЗапись()`: a predefined element.
pub(super) fn system_account(session: &Session) -> Value {
    to_value(session, Datum::Ref(Reference { object: ACCOUNTS.into(), id: Uuid::from_u128(2) }))
}

fn check_account(account: &Value) -> Res<()> {
    match from_value(account)? {
        Datum::Ref(reference) if &*reference.object == ACCOUNTS => Ok(()),
        _ => Err(Failure::new("Почта не указана или заполнена неправильно.")),
    }
}

/// `УчетнаяЗаписьНастроена(УчетнаяЗапись, ДляОтправки, ДляПолучения)`.
pub(super) fn is_set_up(session: &Session, arguments: &Args) -> Res<Value> {
    check_account(&arguments.value(0))?;
    let receives = arguments.truth_or(2, true)?;
    Ok(Value::Bool(session.shop().post(|post| post.account_ready) && !receives))
}

/// `ПодготовитьПисьмо(УчетнаяЗапись, ПараметрыПисьма)`: sends nothing. It makes an array of the addresses where they are a
/// text.
pub(super) fn prepare(vm: &mut Vm, arguments: &Args) -> Res<Value> {
    check_account(&arguments.value(0))?;
    let letter = arguments.value(1);
    let to = vm.get_member(&letter, &Name::new("Кому"))?;
    if let Value::Str(text) = &to {
        let addresses: Vec<_> = text.split([';', ',']).map(str::trim).filter(|address| !address.is_empty()).collect();
        if let Some(wrong) = addresses.iter().find(|address| !address.contains('@')) {
            return Err(Failure::new(format!("Некорректный почтовый адрес: {wrong}")));
        }
        let described = addresses.iter().map(|address| {
            Value::object(Structure::of([("Адрес", Value::str(address)), ("Представление", "".into())]))
        });
        vm.set_member(&letter, &Name::new("Кому"), Array::value(described.collect()))?;
    }
    Ok(letter)
}

/// `ОтправитьПисьмо(УчетнаяЗапись, Письмо)`.
pub(super) fn send(session: &Session, vm: &mut Vm, arguments: &Args) -> Res<Value> {
    session.point("ОтправитьПисьмо")?;
    deliver(session, vm, arguments)?;
    Ok(Value::object(Structure::of([
        ("ОшибочныеПолучатели", Value::object(Map::new())),
        ("ИдентификаторПисьмаSMTP", "1".into()),
        ("ИдентификаторПисьмаIMAP", "".into()),
    ])))
}

/// `ОтправитьПочтовоеСообщение(УчетнаяЗапись, ПараметрыОтправки)`, which prepares the letter itself.
pub(super) fn prepare_and_send(session: &Session, vm: &mut Vm, arguments: &Args) -> Res<Value> {
    session.point("ОтправитьПочтовоеСообщение")?;
    prepare(vm, arguments)?;
    deliver(session, vm, arguments)?;
    Ok("1".into())
}

fn deliver(session: &Session, vm: &mut Vm, arguments: &Args) -> Res<()> {
    check_account(&arguments.value(0))?;
    let letter = arguments.value(1);
    let mut text = |name: &str| Ok::<_, Failure>(vm.get_member(&letter, &Name::new(name))?.text().to_string());
    let (subject, body) = (text("Тема")?, text("Тело")?);
    let to = vm.get_member(&letter, &Name::new("Кому"))?;
    let to = to.as_object::<Array>().ok_or_else(|| error::bad_argument(2))?.values();
    let to = to.iter().map(|one| Ok(vm.get_member(one, &Name::new("Адрес"))?.text().to_string()));
    let letter = Letter { to: to.collect::<Res<_>>()?, subject, body };
    session.shop().post(|post| match post.refusal.clone() {
        Some(refusal) => Err(Failure::new(refusal)),
        None if !post.account_ready => Err(Failure::new("Не указан сервер исходящей почты")),
        None => {
            post.letters.push(letter);
            Ok(())
        }
    })
}
