//! How the platform joins modules, jobs and roles of an extension to the main configuration's.

use std::sync::Arc;

use bsl_run::platform::{MAIN, ModuleTexts, Shop};
use infobase::User;
use infobase::metadata::declared::{Ssl, Variant};

use crate::stage::{metadata, run_as, set_up, untouched};

const CARD: &str = "Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl";
const PARTNER: &str = "Catalogs/Контрагенты/Ext/ObjectModule.bsl";
const POINTS: &str = "AccumulationRegisters/БонусныеБаллы/Ext/RecordSetModule.bsl";

fn texts(modules: &[(&str, &str)]) -> ModuleTexts {
    modules.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn shop_of(variant: &Variant, modules: &[(&str, &str)]) -> Arc<Shop> {
    Shop::new(set_up(variant, texts(modules))).unwrap_or_else(|error| panic!("{error}"))
}

fn shop(modules: &[(&str, &str)]) -> Arc<Shop> {
    shop_of(&untouched(), modules)
}

fn refusal(modules: &[(&str, &str)]) -> String {
    Shop::new(set_up(&untouched(), texts(modules))).map(|_| ()).unwrap_err().to_string()
}

fn run(shop: &Arc<Shop>, body: &str) -> (String, Vec<String>) {
    run_as(shop, User::administrator(), "", body).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

const AFTER_WRITE: &str = r#"&После("ПриЗаписи") Процедура Passteam_ПриЗаписи(Отказ)
	Сообщить("После: " + Наименование);
КонецПроцедуры"#;

/// The main configuration has no such handler for cards, and returns early from the one of partners.
#[test]
fn a_handler_after_an_event_runs_whatever_the_configuration_does() {
    let shop = shop(&[(CARD, AFTER_WRITE), (PARTNER, AFTER_WRITE)]);
    let (_, shown) = run(
        &shop,
        r#"Для Каждого Имя Из СтрРазделить("ИнформационныеКарты,Контрагенты", ",") Цикл
			Объект = Справочники[Имя].СоздатьЭлемент();
			Объект.Наименование = Имя;
			Объект.ОбменДанными.Загрузка = Истина;
			Объект.Записать();
		КонецЦикла;
		Группа = Справочники.Контрагенты.СоздатьГруппу();
		Группа.Наименование = "Группа";
		Группа.Записать();
		Возврат "";"#,
    );
    assert_eq!(shown, ["После: ИнформационныеКарты", "После: Контрагенты", "После: Группа"]);
}

#[test]
fn the_configurations_own_handler_stands_between_before_and_after() {
    let own = "Процедура ПередЗаписью(Отказ)\n\tСообщить(\"сама\");\n\tВозврат;\nКонецПроцедуры";
    let around = |word: &str| {
        format!("&{word}(\"ПередЗаписью\") Процедура Passteam_{word}(Отказ)\n\tСообщить(\"{word}\");\nКонецПроцедуры\n")
    };
    let write = "Карта = Справочники.ИнформационныеКарты.СоздатьЭлемент(); Карта.Записать(); Возврат \"\";";
    let main = format!("{MAIN}{CARD}");
    let three = [around("После"), around("Перед")].concat();
    let (_, shown) = run(&shop(&[(&main, own), (CARD, &three)]), write);
    assert_eq!(shown, ["Перед", "сама", "После"]);
    let (_, shown) = run(&shop(&[(&main, own), (CARD, &around("Вместо"))]), write);
    assert_eq!(shown, ["Вместо"]);
    let (_, shown) = run(&shop(&[(&main, ""), (CARD, &three)]), write);
    assert_eq!(shown, ["Перед", "После"]);
}

#[test]
fn what_the_platform_would_not_join_is_an_error_with_its_line() {
    let cases = [
        ("\nПроцедура ПриЗаписи(Отказ)\nКонецПроцедуры", "без аннотации (ПриЗаписи)"),
        ("\n&После(\"ПриЗаписии\") Процедура П(Отказ)\nКонецПроцедуры", "метод не найден (призаписии)"),
        (
            "\n&ИзменениеИКонтроль(\"ПриЗаписи\") Процедура П(Отказ)\nКонецПроцедуры",
            "не поддерживается (&изменениеиконтроль)",
        ),
        ("\n&Вместо(\"ПередЗаписью\") Процедура П(Отказ)\nПродолжитьВызов(Отказ);\nКонецПроцедуры", "ПродолжитьВызов"),
    ];
    for (text, message) in cases {
        let error = refusal(&[(CARD, text)]);
        assert!(error.starts_with(&format!("{CARD}:")) && error.contains(message), "{text}: {error}");
    }
}

/// Puts into the messages which cards a record set had and which it gets.
const OLD_AND_NEW: &str = r#"&После("ПередЗаписью") Процедура Passteam_ПередЗаписью(Отказ, Замещение)
	Прежний = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
	Прежний.Отбор.Регистратор.Установить(Отбор.Регистратор.Значение);
	Прежний.Прочитать();
	ДополнительныеСвойства.Вставить("Прежние", Прежний.ВыгрузитьКолонку("ДисконтнаяКарта"));
КонецПроцедуры

&После("ПриЗаписи") Процедура Passteam_ПриЗаписи(Отказ, Замещение)
	Сообщить(Имена(ДополнительныеСвойства.Прежние) + ">" + Имена(ВыгрузитьКолонку("ДисконтнаяКарта")));
КонецПроцедуры

Функция Имена(Карты)
	Имена = Новый Массив;
	Для Каждого Карта Из Карты Цикл
		Имена.Добавить(Строка(Карта));
	КонецЦикла;
	Возврат СтрСоединить(Имена, ",");
КонецФункции"#;

const STAGE: &str = r#"
Функция Карта(Имя)
	Карта = Справочники.ИнформационныеКарты.СоздатьЭлемент();
	Карта.Наименование = Имя;
	Карта.Записать();
	Возврат Карта.Ссылка;
КонецФункции

Функция Остаток(Карта)
	Запрос = Новый Запрос("ВЫБРАТЬ Б.НачисленоОстаток КАК Сумма
		|ИЗ РегистрНакопления.БонусныеБаллы.Остатки(, ДисконтнаяКарта = &Карта) КАК Б");
	Запрос.УстановитьПараметр("Карта", Карта);
	Выборка = Запрос.Выполнить().Выбрать();
	Возврат ?(Выборка.Следующий(), Выборка.Сумма, 0);
КонецФункции
"#;

#[test]
fn every_writer_of_movements_is_seen_with_old_and_new_cards() {
    let shop = shop(&[(POINTS, OLD_AND_NEW)]);
    let (found, shown) = run_as(
        &shop,
        User::administrator(),
        STAGE,
        r#"Анна = Карта("Анна");
		Мария = Карта("Мария");
		Чек = Документы.ЧекККМ.СоздатьДокумент();
		Чек.Дата = ТекущаяДатаСеанса();
		Чек.ДисконтнаяКарта = Анна;
		Чек.НачисленоБаллов = 100;
		Чек.СписаноБаллов = 30;
		Чек.Записать(РежимЗаписиДокумента.Проведение);
		Итог = "" + Остаток(Анна) + Чек.Проведен;
		Чек.ДисконтнаяКарта = Мария;
		Чек.Записать(РежимЗаписиДокумента.Проведение);
		Итог = Итог + "/" + Остаток(Анна) + Остаток(Мария);
		Чек = Чек.Ссылка.ПолучитьОбъект();
		Чек.Записать(РежимЗаписиДокумента.ОтменаПроведения);
		Итог = Итог + "/" + Остаток(Мария) + Чек.Ссылка.Проведен;
		Чек.Записать(РежимЗаписиДокумента.Проведение);
		Чек.УстановитьПометкуУдаления(Истина);
		Итог = Итог + "/" + Остаток(Мария) + Чек.Ссылка.Проведен + Чек.Ссылка.ПометкаУдаления;
		Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
		Набор.Отбор.Регистратор.Установить(Чек.Ссылка);
		Набор.ОбменДанными.Загрузка = Истина;
		Движение = Набор.ДобавитьПриход();
		Движение.Период = ТекущаяДатаСеанса();
		Движение.ДисконтнаяКарта = Анна;
		Движение.Начислено = 7;
		Набор.Записать();
		Чек.Записать(РежимЗаписиДокумента.Запись);
		Возврат Итог + "/" + Остаток(Анна);"#,
    )
    .unwrap();
    assert_eq!(found, "70Да/070/0Нет/0НетДа/7");
    let expected = [">Анна,Анна", "Анна,Анна>Мария,Мария", "Мария,Мария>", ">Мария,Мария", "Мария,Мария>", ">Анна"];
    assert_eq!(shown, expected);
}

/// A refusal takes the document, its movements and what the handlers wrote back.
#[test]
fn a_refused_posting_leaves_nothing() {
    let refuses = r#"&После("ПриЗаписи") Процедура Passteam_ПриЗаписи(Отказ, Замещение)
	Отказ = Истина;
КонецПроцедуры"#;
    let (found, _) = run_as(
        &shop(&[(POINTS, refuses)]),
        User::administrator(),
        STAGE,
        r#"Анна = Карта("Анна");
		Чек = Документы.ЧекККМ.СоздатьДокумент();
		Чек.ДисконтнаяКарта = Анна;
		Чек.НачисленоБаллов = 100;
		Попытка
			Чек.Записать(РежимЗаписиДокумента.Проведение);
		Исключение
			Возврат "" + Остаток(Анна) + Чек.Проведен + Чек.ЭтоНовый();
		КонецПопытки;"#,
    )
    .unwrap();
    assert_eq!(found, "0НетДа");
}

#[test]
fn jobs_are_off_until_somebody_switches_them_on() {
    let shop = shop(&[]);
    assert_eq!(shop.jobs_on(), Vec::<String>::new());
    run(
        &shop,
        r#"Задание = РегламентныеЗадания.НайтиПредопределенное(Метаданные.РегламентныеЗадания.ОбработкаОчередиPassteam);
		Задание.Использование = Истина;
		Задание.Записать();
		Отбор = Новый Структура("Метаданные", "НочнаяПроверкаPassteam");
		Найденное = РегламентныеЗаданияСервер.НайтиЗадания(Отбор)[0];
		РегламентныеЗаданияСервер.ИзменитьЗадание(Найденное.УникальныйИдентификатор, Новый Структура("Использование", Истина));
		Возврат "";"#,
    );
    assert_eq!(shop.jobs_on(), ["НочнаяПроверкаPassteam", "ОбработкаОчередиPassteam"]);
    let denied = run_as(
        &shop,
        User::limited("Кассир"),
        "",
        r#"Задание = РегламентныеЗадания.НайтиПредопределенное("ОбработкаОчередиPassteam");
		Задание.Использование = Ложь;
		Задание.Записать();
		Возврат "";"#,
    );
    assert!(denied.unwrap_err().contains("Недостаточно прав"));
    assert_eq!(shop.jobs_on().len(), 2);
}

#[test]
fn an_old_platform_has_the_extension_without_jobs() {
    let shop = shop_of(&Variant { own_jobs: false, ssl: Ssl::Absent, ..untouched() }, &[]);
    let body = r#"Возврат "" + (Метаданные.РегламентныеЗадания.Найти("ОбработкаОчередиPassteam") = Неопределено)
		+ (Метаданные.РегистрыСведений.Найти("ОчередьPassteam") = Неопределено);"#;
    assert_eq!(run(&shop, body).0, "ДаНет");
    assert_eq!(shop.jobs_on(), Vec::<String>::new());
}

#[test]
fn a_base_without_a_feature_says_so() {
    let bare = Variant { replacements: false, accumulating: false, discount_server: false, ..untouched() };
    let body = r#"Реквизиты = Метаданные.Справочники.ИнформационныеКарты.Реквизиты;
		Возврат "" + (Метаданные.РегистрыСведений.Найти("РегистрацияЗаменыКартПокупателей") = Неопределено)
		+ (Реквизиты.Найти("КартаДляНакоплений") = Неопределено)
		+ (Реквизиты.Найти("cardId") = Неопределено)
		+ (Метаданные.Константы.Найти("ИспользоватьДисконтныйСервер") = Неопределено);"#;
    assert_eq!(run(&shop_of(&bare, &[]), body).0, "ДаДаДаДа");
    assert_eq!(run(&shop_of(&Variant::retail_23(), &[]), body).0, "НетНетНетНет");
}

#[test]
fn safe_mode_ends_with_the_method_that_began_it() {
    let shop = shop(&[]);
    let stage = r#"
Функция ВБезопасном()
	УстановитьБезопасныйРежим(Истина);
	УстановитьПривилегированныйРежим(Истина);
	Возврат "" + БезопасныйРежим() + ПривилегированныйРежим();
КонецФункции
"#;
    let body = r#"УстановитьПривилегированныйРежим(Истина);
		Возврат ВБезопасном() + БезопасныйРежим() + ПривилегированныйРежим();"#;
    assert_eq!(run_as(&shop, User::limited("Кассир"), stage, body).unwrap().0, "ДаНетНетДа");
    let attach = r#"УстановитьБезопасныйРежим(Истина);
		Возврат ПодключитьВнешнююКомпоненту("ОбщийМакет.КомпонентаPassteam", "П", ТипВнешнейКомпоненты.Native);"#;
    assert!(run_as(&shop, User::administrator(), "", attach).unwrap_err().contains("безопасном режиме"));
}

#[test]
fn a_base_knows_its_place() {
    let shop = shop(&[]);
    let body = "Возврат СтрокаСоединенияИнформационнойБазы() + ИмяКомпьютера();";
    assert_eq!(run(&shop, body).0, r#"Srvr="SERVER";Ref="retail";SERVER"#);
    shop.infobase(|base| base.set_place(r#"File="D:\Копия";"#, "DEVELOPER"));
    assert_eq!(run(&shop, body).0, r#"File="D:\Копия";DEVELOPER"#);
}

#[test]
fn roles_grant_what_their_files_say() {
    let shop = shop(&[]);
    let metadata = metadata(&untouched());
    let viewer = || User::limited("Кассир").with_role(&metadata, "ПросмотрPassteam");
    let read = r#"Запрос = Новый Запрос("ВЫБРАТЬ О.Карта КАК Карта ИЗ РегистрСведений.ОчередьPassteam КАК О");
		Возврат "" + Запрос.Выполнить().Пустой() + РольДоступна("ПросмотрPassteam") + РольДоступна("НастройкаPassteam");"#;
    assert_eq!(run_as(&shop, viewer(), "", read).unwrap().0, "ДаДаНет");
    assert!(run_as(&shop, User::limited("Кассир"), "", read).unwrap_err().contains("Недостаточно прав"));
    let write = r#"Запись = РегистрыСведений.НастройкиPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "Проба";
		Запись.Записать();
		Возврат "";"#;
    assert!(run_as(&shop, viewer(), "", write).unwrap_err().contains("Недостаточно прав"));
    let master = User::limited("Мастер").with_role(&metadata, "НастройкаPassteam");
    run_as(&shop, master, "", write).unwrap();
}

/// Records of a leading dimension go with the object, so that «Удаление помеченных» can delete the card.
#[test]
fn a_deleted_card_takes_its_records_along() {
    let (found, _) = run_as(
        &shop(&[]),
        User::administrator(),
        STAGE,
        r#"Анна = Карта("Анна");
		Для Каждого Имя Из СтрРазделить("КартыPassteam,ОчередьPassteam", ",") Цикл
			Запись = РегистрыСведений[Имя].СоздатьМенеджерЗаписи();
			Запись.Карта = Анна;
			Запись.Записать();
		КонецЦикла;
		Объект = Анна.ПолучитьОбъект();
		Объект.Удалить();
		Запрос = Новый Запрос("ВЫБРАТЬ К.Карта КАК Карта ИЗ РегистрСведений.КартыPassteam КАК К
			|ОБЪЕДИНИТЬ ВСЕ ВЫБРАТЬ О.Карта ИЗ РегистрСведений.ОчередьPassteam КАК О");
		Возврат Запрос.Выполнить().Выгрузить().Количество();"#,
    )
    .unwrap();
    assert_eq!(found, "0");
}

#[test]
fn a_section_can_be_read_through_a_reference() {
    let (found, _) = run(
        &shop(&[]),
        r#"Человек = Справочники.ФизическиеЛица.СоздатьЭлемент();
		Строка = Человек.КонтактнаяИнформация.Добавить();
		Строка.НомерТелефона = "+79161234567";
		Человек.Записать();
		Контакты = Человек.Ссылка.КонтактнаяИнформация;
		Попытка
			Контакты.Очистить();
		Исключение
			Найденный = Контакты.Найти("+79161234567", "НомерТелефона");
			Возврат "" + Контакты.Количество() + Найденный.НомерСтроки + (Контакты.Найти("нет") = Неопределено);
		КонецПопытки;"#,
    );
    assert_eq!(found, "11Да");
}

#[test]
fn text_files_stand_on_the_server() {
    let shop = shop(&[]);
    let (found, _) = run(
        &shop,
        r#"Путь = "C:\Bases\Retail\passteam.txt";
		Файл = Новый Файл(Путь);
		До = Файл.Существует();
		Запись = Новый ЗаписьТекста(Путь, КодировкаТекста.UTF8);
		Запись.Записать("метка");
		Запись.Закрыть();
		Чтение = Новый ЧтениеТекста(ВРег(Путь));
		Текст = Чтение.Прочитать();
		Конец = Чтение.Прочитать() = Неопределено;
		УдалитьФайлы(Путь);
		Возврат "" + До + Файл.Имя + Текст + Конец + Файл.Существует();"#,
    );
    assert_eq!(found, "Нетpassteam.txtметкаДаНет");
    let missing = run_as(&shop, User::administrator(), "", "Возврат Новый ЧтениеТекста(\"C:\\нет.txt\");");
    assert!(missing.unwrap_err().contains("файл не найден"));
}
