//! Calls between the example modules, which no platform compiles here.

use crate::finding::Finding;
use crate::script::{Kind, Script};
use crate::syntax::{Method, calls, same_name};

/// Methods of the platform's global context that the examples use.
const GLOBAL: &[&str] = &[
    "БезопасныйРежим",
    "ВыполнитьОбработкуОповещения",
    "Вычислить",
    "Дата",
    "ЗаблокироватьДанныеДляРедактирования",
    "ЗаписатьJSON",
    "ЗаписьЖурналаРегистрации",
    "ЗаполнитьЗначенияСвойств",
    "ЗафиксироватьТранзакцию",
    "ЗначениеЗаполнено",
    "ИнформацияОбОшибке",
    "КраткоеПредставлениеОшибки",
    "Лев",
    "Макс",
    "МестноеВремя",
    "Мин",
    "НРег",
    "НСтр",
    "НачалоДня",
    "НачатьПодключениеВнешнейКомпоненты",
    "НачатьПомещениеФайла",
    "НачатьТранзакцию",
    "НачатьУстановкуВнешнейКомпоненты",
    "Окр",
    "ОткрытьФорму",
    "ОтменитьТранзакцию",
    "ПодключитьВнешнююКомпоненту",
    "ПодключитьОбработчикОжидания",
    "ПодробноеПредставлениеОшибки",
    "ПоказатьВопрос",
    "ПоказатьЗначение",
    "ПоказатьПредупреждение",
    "ПолучитьДвоичныеДанныеИзСтроки",
    "ПолучитьИзВременногоХранилища",
    "ПолучитьСтрокуИзДвоичныхДанных",
    "ПолучитьФайл",
    "ПоместитьВоВременноеХранилище",
    "ПравоДоступа",
    "ПривилегированныйРежим",
    "ПрочитатьJSON",
    "ПустаяСтрока",
    "РазблокироватьДанныеДляРедактирования",
    "Символ",
    "СокрЛП",
    "Состояние",
    "Сред",
    "СтрДлина",
    "СтрЗаканчиваетсяНа",
    "СтрЗаменить",
    "СтрНайти",
    "СтрНачинаетсяС",
    "СтрРазделить",
    "СтрСоединить",
    "СтрШаблон",
    "Строка",
    "СтрокаСоединенияИнформационнойБазы",
    "ТекущаяДатаСеанса",
    "ТекущаяУниверсальнаяДата",
    "ТекущаяУниверсальнаяДатаВМиллисекундах",
    "Тип",
    "ТипЗнч",
    "УстановитьПривилегированныйРежим",
    "Формат",
    "Цел",
    "Час",
    "Число",
    "Pow",
    "ВРег",
    "ИмяКомпьютера",
    "СтрПолучитьСтроку",
    "СтрЧислоВхождений",
    "ТранзакцияАктивна",
    "УстановитьБезопасныйРежим",
];

/// The name of the common module that a script is; its file for others.
pub fn module_name(script: &Script) -> &str {
    let path = script.file().split_once("/CommonModules/").map(|(_, path)| path);
    path.and_then(|path| path.split('/').next()).unwrap_or(script.file())
}

/// Every call of a method of one of the modules names one that is there, is exported, and takes that many parameters;
/// every other call without a receiver is of the module itself or of the global context.
pub fn unresolved_calls(scripts: &[Script]) -> Vec<Finding> {
    let modules: Vec<(&Script, Vec<Method<'_>>)> = scripts
        .iter()
        .filter(|script| script.kind() == Kind::Common)
        .map(|script| (script, script.methods()))
        .collect();
    let mut findings = Vec::new();
    for script in scripts.iter().filter(|script| script.kind() != Kind::OneScript) {
        let own = script.methods();
        for call in calls(script, script.root()) {
            let fault = match call.receiver {
                None if GLOBAL.iter().any(|name| same_name(name, call.name)) => None,
                None => fault(find(&own, call.name), call.arguments),
                Some(receiver) => modules.iter().find(|(module, _)| same_name(module_name(module), receiver)).and_then(
                    |(_, methods)| fault(find(methods, call.name).filter(|method| method.exported), call.arguments),
                ),
            };
            findings.extend(fault.map(|fault| script.finding(call.node, fault)));
        }
    }
    findings
}

fn find<'m, 's>(methods: &'m [Method<'s>], name: &str) -> Option<&'m Method<'s>> {
    methods.iter().find(|method| same_name(method.name, name))
}

fn fault(method: Option<&Method<'_>>, given: usize) -> Option<String> {
    let Some(method) = method else { return Some("такого метода нет".to_owned()) };
    let (least, most) = method.arity();
    (given < least || given > most).then(|| format!("параметров {given}, а нужно от {least} до {most}"))
}

/// Private methods that nothing calls.
pub fn unused_methods(scripts: &[Script]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for script in scripts.iter().filter(|script| script.kind() == Kind::Common) {
        for method in script.methods().into_iter().filter(|method| !method.exported) {
            let used = calls(script, script.root()).any(|call| same_name(call.name, method.name));
            if !used {
                findings.push(script.finding(method.node, "метод никто не вызывает"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, text: &str) -> Script {
        Script::parse(&format!("bsl-examples/extension/CommonModules/{name}/Ext/Module.bsl"), 1, Kind::Common, text)
            .unwrap()
    }

    fn faults(caller: &str) -> usize {
        let callee = "Процедура Да(А, Б = 1) Экспорт\nКонецПроцедуры\nПроцедура Нет()\nКонецПроцедуры";
        unresolved_calls(&[module("Первый", callee), module("Второй", caller)]).len()
    }

    #[test]
    fn calls_that_resolve_are_accepted() {
        assert_eq!(faults("Первый.Да(1);\nпервый.ДА(1, 2);\nПустаяСтрока(1);\nЧужой.Нет();"), 0);
    }

    #[test]
    fn calls_of_missing_or_private_methods_and_wrong_counts_are_found() {
        for caller in ["Первый.Никак();", "Первый.Нет();", "Первый.Да();", "Первый.Да(1, 2, 3);", "Опечатка();"]
        {
            assert_eq!(faults(caller), 1, "{caller}");
        }
    }

    #[test]
    fn a_private_method_that_nothing_calls_is_found() {
        let unused = |text| unused_methods(&[module("А", text)]).len();
        assert_eq!(unused("Процедура Б()\nКонецПроцедуры"), 1);
        assert_eq!(unused("Процедура Б()\nКонецПроцедуры\nБ();"), 0);
    }
}
