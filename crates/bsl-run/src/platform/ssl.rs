//! The functions of БСП that the modules call: those of 3.0.2, and what 3.1.12 has beyond them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use infobase::metadata::Kind;
use infobase::metadata::declared::Ssl;
use infobase::{Datum, LogLevel, Record};

use super::refs::{from_value, to_value};
use super::session::Session;
use super::{addin, jobs, mail, metadata};
use crate::collections::{Array, Structure, Table};
use crate::error::{self, Failure, Res};
use crate::host::Host;
use crate::misc::{BinaryData, UniqueId};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// The security profiles of a cluster, as far as БСП knows of them.
#[derive(Debug, Default)]
pub struct Profiles {
    /// Whether the infobase has one.
    pub used: bool,
    /// The permissions that were asked for: the arguments of their constructors, by `|`.
    pub asked: Vec<String>,
}

/// A common module of БСП.
pub(super) fn module(session: &Session, name: &Name) -> Value {
    Value::object(Module { session: session.clone(), name: name.clone() })
}

struct Module {
    session: Session,
    name: Name,
}

const STORAGE: &str = "РегистрСведений.БезопасноеХранилищеДанных";

/// What a function of БСП does.
type Function = fn(&Module, &mut Vm, &mut Args) -> Res<Value>;
/// Module, function, since which version, how many parameters at least and at most.
type Row = (&'static str, &'static str, Ssl, usize, usize, Function);

/// What a version lacks has no row that fits.
const FUNCTIONS: &[Row] = &[
    (
        "общегоназначения",
        "прочитатьданныеизбезопасногохранилища",
        Ssl::V3_0_2,
        1,
        3,
        |module, _, arguments| module.read(arguments),
    ),
    (
        "общегоназначения",
        "записатьданныевбезопасноехранилище",
        Ssl::V3_0_2,
        2,
        3,
        |module, _, arguments| {
            module.write(arguments)?;
            Ok(Value::Undefined)
        },
    ),
    (
        "общегоназначения",
        "удалитьданныеизбезопасногохранилища",
        Ssl::V3_0_2,
        1,
        2,
        |module, _, arguments| {
            module.delete(arguments)?;
            Ok(Value::Undefined)
        },
    ),
    ("общегоназначения", "приначалевыполнениярегламентногозадания", Ssl::V3_0_2, 0, 1, job_begins),
    ("общегоназначения", "сообщитьпользователю", Ssl::V3_0_2, 1, 5, tell_user),
    ("общегоназначения", "подключитькомпонентуизмакета", Ssl::V3_0_2, 2, 2, attach_addin),
    // The third parameter is there from 3.1.8 on.
    ("общегоназначения", "подключитькомпонентуизмакета", Ssl::V3_1_12, 2, 3, attach_addin),
    ("общегоназначения", "вычислитьвбезопасномрежиме", Ssl::V3_0_2, 1, 2, evaluate),
    ("общегоназначения", "общиймодуль", Ssl::V3_0_2, 1, 1, common_module),
    ("общегоназначения", "подсистемасуществует", Ssl::V3_0_2, 1, 1, has_subsystem),
    ("общегоназначения", "информационнаябазафайловая", Ssl::V3_0_2, 0, 1, is_file_base),
    ("длительныеоперации", "параметрывыполнениявфоне", Ssl::V3_0_2, 0, 1, background_parameters),
    ("длительныеоперации", "выполнитьвфоне", Ssl::V3_0_2, 3, 3, run_in_background),
    // These two are there from 3.1.2 on.
    (
        "длительныеоперации",
        "выполнитьфункцию",
        Ssl::V3_1_12,
        2,
        9,
        |module, vm, arguments| run_with_parameters(module, vm, arguments, true),
    ),
    (
        "длительныеоперации",
        "выполнитьпроцедуру",
        Ssl::V3_1_12,
        2,
        9,
        |module, vm, arguments| run_with_parameters(module, vm, arguments, false),
    ),
    ("длительныеоперации", "сообщитьпрогресс", Ssl::V3_0_2, 0, 3, tell_progress),
    (
        "дополнительныеотчетыиобработки",
        "сведенияовнешнейобработке",
        Ssl::V3_0_2,
        0,
        1,
        |_, vm, arguments| external_processor(vm, arguments),
    ),
    (
        "дополнительныеотчетыиобработкиклиентсервер",
        "видобработкидополнительнаяобработка",
        Ssl::V3_0_2,
        0,
        0,
        |_, _, _| Ok("ДополнительнаяОбработка".into()),
    ),
    (
        "дополнительныеотчетыиобработкиклиентсервер",
        "типкомандывызовсерверногометода",
        Ssl::V3_0_2,
        0,
        0,
        |_, _, _| Ok("ВызовСерверногоМетода".into()),
    ),
    ("управлениепечатью", "данныеqrкода", Ssl::V3_0_2, 3, 3, draw_code),
    ("генерацияштрихкода", "данныеqrкода", Ssl::V3_1_12, 3, 3, draw_code),
    ("регламентныезаданиясервер", "работасвнешнимиресурсамизаблокирована", Ssl::V3_0_2, 0, 0, resources_locked),
    (
        "регламентныезаданиясервер",
        "найтизадания",
        Ssl::V3_0_2,
        1,
        1,
        |module, _, arguments| Ok(Array::value(jobs::found(&module.session, arguments.get(0))?)),
    ),
    (
        "регламентныезаданиясервер",
        "задание",
        Ssl::V3_0_2,
        1,
        1,
        |module, _, arguments| jobs::job(&module.session, &jobs::named(&module.session, &arguments.value(0))?),
    ),
    ("регламентныезаданиясервер", "изменитьзадание", Ssl::V3_0_2, 2, 2, change_job),
    (
        "регламентныезаданиясервер",
        "установитьиспользованиерегламентногозадания",
        Ssl::V3_0_2,
        2,
        2,
        |module, _, arguments| switch_job(module, &arguments.value(0), arguments.value(1).truth()?),
    ),
    ("работавбезопасномрежиме", "разрешениенаиспользованиевнешнейкомпоненты", Ssl::V3_0_2, 1, 3, permission),
    ("работавбезопасномрежиме", "разрешениенаиспользованиеинтернетресурса", Ssl::V3_0_2, 2, 4, permission),
    ("работавбезопасномрежиме", "разрешениенаиспользованиекаталогафайловойсистемы", Ssl::V3_0_2, 1, 4, permission),
    ("работавбезопасномрежиме", "используютсяпрофилибезопасности", Ssl::V3_0_2, 0, 0, profiles_used),
    ("работавбезопасномрежиме", "запроснаиспользованиевнешнихресурсов", Ssl::V3_0_2, 1, 3, request_permissions),
    (
        "работаспочтовымисообщениями",
        "системнаяучетнаязапись",
        Ssl::V3_0_2,
        0,
        0,
        |module, _, _| Ok(mail::system_account(&module.session)),
    ),
    (
        "работаспочтовымисообщениями",
        "учетнаязаписьнастроена",
        Ssl::V3_0_2,
        1,
        3,
        |module, _, arguments| mail::is_set_up(&module.session, arguments),
    ),
    (
        "работаспочтовымисообщениями",
        "отправитьпочтовоесообщение",
        Ssl::V3_0_2,
        2,
        4,
        |module, vm, arguments| mail::prepare_and_send(&module.session, vm, arguments),
    ),
    // These two are there from 3.1.2 on.
    (
        "работаспочтовымисообщениями",
        "подготовитьписьмо",
        Ssl::V3_1_12,
        2,
        2,
        |_, vm, arguments| mail::prepare(vm, arguments),
    ),
    (
        "работаспочтовымисообщениями",
        "отправитьписьмо",
        Ssl::V3_1_12,
        2,
        2,
        |module, vm, arguments| mail::send(&module.session, vm, arguments),
    ),
    ("длительныеоперацииклиент", "параметрыожидания", Ssl::V3_0_2, 1, 1, waiting_parameters),
    ("длительныеоперацииклиент", "ожидатьзавершение", Ssl::V3_0_2, 1, 3, wait_for_operation),
    (
        "работавбезопасномрежимеклиент",
        "применитьзапросынаиспользованиевнешнихресурсов",
        Ssl::V3_0_2,
        3,
        3,
        |module, _, arguments| {
            let requests = arguments.value(0);
            requests.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?;
            let granted = crate::enums::item("КодВозвратаДиалога", "ОК");
            module.session.call_later(&arguments.value(2), vec![granted]);
            Ok(Value::Undefined)
        },
    ),
];

fn waiting_parameters(_: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    Ok(Value::object(Structure::of([
        ("ФормаВладелец", arguments.value(0)),
        ("ТекстСообщения", "".into()),
        ("ВыводитьОкноОжидания", Value::Bool(true)),
        ("ВыводитьПрогрессВыполнения", Value::Bool(false)),
        ("ОповещениеОПрогрессеВыполнения", Value::Undefined),
        ("ВыводитьСообщения", Value::Bool(false)),
        ("Интервал", Value::int(0)),
    ])))
}

/// `ОжидатьЗавершение(Операция, Оповещение, Параметры)`: the operation is over, and its form is told once how far it was.
fn wait_for_operation(module: &Module, vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    if arguments.get(2).is_some() {
        let told = vm.get_member(&arguments.value(2), &Name::new("ОповещениеОПрогрессеВыполнения"))?;
        let progress = Structure::of([("Процент", Value::int(50)), ("Текст", "Половина".into())]);
        let state = Structure::of([("Статус", "Выполняется".into()), ("Прогресс", Value::object(progress))]);
        module.session.call_later(&told, vec![Value::object(state)]);
    }
    module.session.call_later(&arguments.value(1), vec![arguments.value(0)]);
    Ok(Value::Undefined)
}

/// Without БСП's own add-in there is no picture.
fn draw_code(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let draws = module.session.ask(|base, _| Ok(base.settings().draws_codes))?;
    Ok(if draws { BinaryData::value(arguments.text(0).as_bytes()) } else { Value::Undefined })
}

/// `ЗапросНаИспользованиеВнешнихРесурсов(Разрешения, Владелец, РежимЗамещения)`. A request without an owner that replaces
/// what was granted would take the whole configuration's permissions away.
fn request_permissions(module: &Module, vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let permissions = arguments.value(0);
    let asked = permissions.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?.values();
    if arguments.get(1).is_none() && arguments.truth_or(2, true)? {
        return Err(Failure::new("Запрос без владельца отзывает разрешения конфигурации"));
    }
    let arguments_of = |permission: &Value| -> Vec<String> {
        let fields = permission.as_object::<Structure>().map(Structure::fields).unwrap_or_default();
        fields.iter().map(|(_, value)| value.text().to_string()).collect()
    };
    let asked = asked.iter().map(|permission| arguments_of(permission).join("|"));
    module.session.shop().profiles(|profiles| profiles.asked.extend(asked));
    Ok(Value::object(UniqueId(vm.surroundings().new_uuid())))
}

fn job_begins(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    if arguments.get(0).is_some() {
        metadata::full_name(&arguments.value(0))?;
    }
    module.session.point("ПриНачалеВыполненияРегламентногоЗадания")?;
    Ok(Value::Undefined)
}

fn tell_user(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    module.session.message(&arguments.text(0));
    if arguments.len() > 4 {
        arguments.write(4, Value::Bool(true));
    }
    Ok(Value::Undefined)
}

/// Attaches a template's component under a name of БСП's own and makes the object. Old versions log a failure and
/// return nothing, new ones raise.
fn attach_addin(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let session = &module.session;
    let (id, template) = (arguments.string(0)?, arguments.string(1)?);
    let name = format!("С{}", session.new_uuid().simple());
    let native = crate::enums::item("ТипВнешнейКомпоненты", "Native");
    let attach = Args::new(vec![Some(Value::Str(template.clone())), Some(name.as_str().into()), Some(native)]);
    let made = addin::attach(session, &attach).and_then(|attached| match attached.truth()? {
        true => addin::create(session, &Name::new(&format!("AddIn.{name}.{id}")), &Args::default()),
        false => Err(Failure::new("Метод ПодключитьВнешнююКомпоненту вернул Ложь")),
    });
    let failure = match made {
        Ok(_) | Err(Failure::Killed) => return made,
        Err(failure) => failure,
    };
    let text = format!("Не удалось подключить внешнюю компоненту \"{id}\" из макета \"{template}\": {failure}");
    if session.shop().ssl >= Ssl::V3_1_12 {
        return Err(Failure::new(text));
    }
    session.call("ЗаписьЖурналаРегистрации", |base, id| {
        base.write_log(id, "Подключение внешней компоненты", LogLevel::Error, "", Datum::Undefined, &text)
    })?;
    Ok(Value::Undefined)
}

/// `ВычислитьВБезопасномРежиме(Выражение, Параметры)`: the expression sees `Параметры` and the global context, not what
/// the caller has, and privileged mode is off.
fn evaluate(module: &Module, vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    const TEXT: &str = "Функция Значение(Выражение, Параметры) Экспорт
    УстановитьБезопасныйРежим(Истина);
    Возврат Вычислить(Выражение);
КонецФункции";
    let mut passed = [Value::Str(arguments.string(0)?), arguments.value(1)];
    module.session.run_text(vm, TEXT, Some("Значение"), &mut passed)
}

/// `СообщитьПрогресс(Процент, Текст)`: a message to the user that the client takes out from among the others.
fn tell_progress(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    module.session.point("СообщитьПрогресс")?;
    module.session.message(&format!("{{Прогресс}} {} {}", arguments.text(0), arguments.text(1)));
    Ok(Value::Undefined)
}

fn common_module(module: &Module, vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let name = arguments.string(0)?;
    if module.session.metadata().object(Kind::CommonModule, &name).is_none() {
        return Err(Failure::new(format!("Общий модуль \"{name}\" не найден.")));
    }
    module.session.global(vm, &name)
}

fn has_subsystem(_: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let name = arguments.string(0)?;
    let known = ["СтандартныеПодсистемы.РегламентныеЗадания", "СтандартныеПодсистемы.ДополнительныеОтчетыИОбработки"];
    Ok(known.contains(&&*name).into())
}

fn is_file_base(module: &Module, _: &mut Vm, _: &mut Args) -> Res<Value> {
    Ok(module.session.ask(|base, _| Ok(base.settings().file_base))?.into())
}

fn resources_locked(module: &Module, _: &mut Vm, _: &mut Args) -> Res<Value> {
    Ok(module.session.ask(|base, _| Ok(base.external_resources_locked()))?.into())
}

/// What an external data processor says of itself, to be filled in.
fn external_processor(vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let commands = Table::new();
    for name in ["Представление", "Идентификатор", "Использование", "ПоказыватьОповещение", "Модификатор", "Скрыть"]
    {
        commands.columns().add(vm, name, None)?;
    }
    Ok(Value::object(Structure::of([
        ("Вид", "".into()),
        ("Команды", Value::object(commands)),
        ("БезопасныйРежим", Value::Bool(true)),
        ("Назначение", Array::value(Vec::new())),
        ("Наименование", "".into()),
        ("Версия", "".into()),
        ("Информация", "".into()),
        ("ВерсияБСП", Value::Str(arguments.text(0))),
        ("Разрешения", Array::value(Vec::new())),
    ])))
}

/// `ИзменитьЗадание(Идентификатор, Параметры)`: of the parameters `Использование` is known.
fn change_job(module: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let parameters = arguments.value(1);
    let parameters = parameters.as_object::<Structure>().ok_or_else(|| error::bad_argument(2))?;
    for (name, value) in parameters.fields() {
        if name.to_lowercase() != "использование" {
            return Err(Failure::new(format!("Параметр задания не поддерживается ({name})")));
        }
        switch_job(module, &arguments.value(0), value.truth()?)?;
    }
    Ok(Value::Undefined)
}

/// БСП asks for the right and then works in privileged mode.
fn switch_job(module: &Module, job: &Value, on: bool) -> Res<Value> {
    let name = jobs::named(&module.session, job)?;
    module
        .session
        .call("РегламентноеЗадание.Записать", |base, id| base.switch_job(id, &name, on))?;
    Ok(Value::Undefined)
}

fn background_parameters(_: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    Ok(Value::object(Structure::of([
        ("ИдентификаторФормы", arguments.value(0)),
        ("ДополнительныйРезультат", Value::Bool(false)),
        ("ОжидатьЗавершение", Value::Undefined),
        ("НаименованиеФоновогоЗадания", "".into()),
        ("КлючФоновогоЗадания", "".into()),
        ("АдресРезультата", Value::Undefined),
        ("ЗапуститьНеВФоне", Value::Bool(false)),
        ("ЗапуститьВФоне", Value::Bool(false)),
    ])))
}

/// `ВыполнитьВФоне(ИмяПроцедуры, Параметры, ПараметрыВыполнения)`: runs the procedure in this session, as БСП does in
/// a file base while a job is active.
fn run_in_background(module: &Module, vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let address = result_address(module, &arguments.value(2), vm)?;
    let mut passed = [arguments.value(1), address.as_str().into()];
    run_operation(module, vm, &arguments.string(0)?, &mut passed, &address, false)
}

/// `ВыполнитьФункцию` and `ВыполнитьПроцедуру(ПараметрыВыполнения, Имя, Параметр1, …)`: the same, and a function's
/// result goes into the temporary storage.
fn run_with_parameters(module: &Module, vm: &mut Vm, arguments: &mut Args, is_function: bool) -> Res<Value> {
    let address = result_address(module, &arguments.value(0), vm)?;
    let mut passed: Vec<Value> = (2..arguments.len()).map(|at| arguments.value(at)).collect();
    run_operation(module, vm, &arguments.string(1)?, &mut passed, &address, is_function)
}

/// Where the result goes: to the address that the parameters name, or to a new one.
fn result_address(module: &Module, parameters: &Value, vm: &mut Vm) -> Res<String> {
    match vm.get_member(parameters, &Name::new("АдресРезультата"))? {
        Value::Str(address) => Ok(address.to_string()),
        _ => Ok(format!("e1cib/tempstorage/{}", module.session.new_uuid())),
    }
}

fn run_operation(
    module: &Module,
    vm: &mut Vm,
    name: &str,
    passed: &mut [Value],
    address: &str,
    keep: bool,
) -> Res<Value> {
    let (target, method) = name.rsplit_once('.').ok_or_else(|| error::bad_argument_value(1))?;
    let (status, brief, detailed) = match module.session.call_module(vm, target, method, passed) {
        Ok(result) => {
            if keep {
                module.session.store(address, result);
            }
            ("Выполнено", String::new(), String::new())
        }
        Err(Failure::Killed) => return Err(Failure::Killed),
        Err(Failure::Raised(raised)) => ("Ошибка", raised.description.clone(), raised.full_text()),
    };
    Ok(Value::object(Structure::of([
        ("Статус", status.into()),
        ("ИдентификаторЗадания", Value::object(UniqueId(module.session.new_uuid()))),
        ("АдресРезультата", address.into()),
        ("КраткоеПредставлениеОшибки", brief.into()),
        ("ПодробноеПредставлениеОшибки", detailed.into()),
    ])))
}

fn profiles_used(module: &Module, _: &mut Vm, _: &mut Args) -> Res<Value> {
    Ok(Value::Bool(module.session.shop().profiles(|profiles| profiles.used)))
}

/// A permission, as `ЗапросНаИспользованиеВнешнихРесурсов` takes it: modules only hand it on.
fn permission(_: &Module, _: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let values = ["Первый", "Второй", "Третий", "Четвертый"].iter().enumerate();
    Ok(Value::object(Structure::of(values.map(|(at, name)| (*name, arguments.value(at))))))
}

impl Module {
    fn stored(&self, owner: &Datum) -> Res<BTreeMap<String, Datum>> {
        let key = Record::from([("Владелец".to_owned(), owner.clone())]);
        let found = self
            .session
            .call("Безопасное хранилище", |base, id| base.read_record(id, STORAGE, &key))?;
        match found.and_then(|record| record.get("Данные").cloned()) {
            Some(Datum::Storage(text)) => Ok(unpack(&text)),
            _ => Ok(BTreeMap::new()),
        }
    }

    fn read(&self, arguments: &Args) -> Res<Value> {
        let owner = from_value(&arguments.value(0))?;
        let keys = if arguments.get(1).is_some() { arguments.string(1)? } else { "Пароль".into() };
        let stored = self.stored(&owner)?;
        let names: Vec<&str> = keys.split(',').map(str::trim).collect();
        let value = |name: &str| {
            let found = stored.iter().find(|(known, _)| known.to_lowercase() == name.to_lowercase());
            found.map_or(Value::Undefined, |(_, datum)| to_value(&self.session, datum.clone()))
        };
        match names.as_slice() {
            [only] => Ok(value(only)),
            _ if stored.is_empty() => Ok(Value::Undefined),
            names => Ok(Value::object(Structure::of(names.iter().map(|name| (*name, value(name)))))),
        }
    }

    fn delete(&self, arguments: &Args) -> Res<()> {
        let owner = from_value(&arguments.value(0))?;
        let mut stored = self.stored(&owner)?;
        match arguments.get(1) {
            Some(_) => {
                let key = arguments.string(1)?.to_lowercase();
                stored.retain(|known, _| known.to_lowercase() != key);
            }
            None => stored.clear(),
        }
        self.store(owner, &stored)
    }

    fn write(&self, arguments: &Args) -> Res<()> {
        let owner = from_value(&arguments.value(0))?;
        let key = if arguments.get(2).is_some() { arguments.string(2)? } else { "Пароль".into() };
        let mut stored = self.stored(&owner)?;
        stored.retain(|known, _| known.to_lowercase() != key.to_lowercase());
        stored.insert(key.to_string(), from_value(&arguments.value(1))?);
        self.store(owner, &stored)
    }

    fn store(&self, owner: Datum, values: &BTreeMap<String, Datum>) -> Res<()> {
        let filter = Record::from([("Владелец".to_owned(), owner)]);
        let mut record = filter.clone();
        record.insert("Данные".to_owned(), Datum::Storage(pack(values)));
        self.session.call("Безопасное хранилище", |base, id| {
            base.write_records(id, STORAGE, &filter, std::slice::from_ref(&record), true)
        })
    }
}

/// Keys and values of a safe storage as one text.
fn pack(values: &BTreeMap<String, Datum>) -> String {
    let mut text = String::new();
    for (key, datum) in values {
        let stored = datum.store().unwrap_or_default();
        let _ = write!(text, "{}:{key}{}:{stored}", key.len(), stored.len());
    }
    text
}

fn unpack(text: &str) -> BTreeMap<String, Datum> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    let mut piece = || {
        let (length, after) = rest.split_once(':')?;
        let (piece, after) = after.split_at_checked(length.parse().ok()?)?;
        rest = after;
        Some(piece)
    };
    while let (Some(key), Some(stored)) = (piece(), piece()) {
        values.insert(key.to_owned(), Datum::load(stored).unwrap_or(Datum::Null));
    }
    values
}

impl Object for Module {
    fn type_name(&self) -> Cow<'static, str> {
        "ОбщийМодуль".into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let version = self.session.shop().ssl;
        let fits = |row: &&Row| row.0 == self.name.key() && row.1 == name.key() && row.2 <= version;
        // The last row that fits is the newest form of the function.
        let (.., least, most, function) = FUNCTIONS.iter().rfind(fits).ok_or_else(|| error::no_method(name.text()))?;
        arguments.count(*least, *most)?;
        function(self, vm, arguments)
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("module {}", self.name.key()))
    }
}
