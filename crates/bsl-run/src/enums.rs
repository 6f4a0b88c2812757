//! Enumerations of the platform: `ПереносСтрокJSON`, `НаправлениеПоиска` and the like.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use crate::error::{self, Res};
use crate::object::Object;
use crate::value::{Name, Value};
use crate::vm::Vm;

/// An enumeration of the platform.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Enumeration {
    /// Its Russian name.
    pub name: &'static str,
    /// Its English name.
    pub english: &'static str,
    /// Its values, each by its Russian and its English name.
    pub values: &'static [(&'static str, &'static str)],
}

/// A value of an enumeration of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnumItem {
    enumeration: &'static Enumeration,
    at: usize,
}

impl EnumItem {
    /// The value of this name, Russian or English.
    pub fn of(enumeration: &'static Enumeration, name: &str) -> Option<EnumItem> {
        let name = name.to_lowercase();
        let at = enumeration
            .values
            .iter()
            .position(|(russian, english)| russian.to_lowercase() == name || english.to_lowercase() == name)?;
        Some(EnumItem { enumeration, at })
    }

    /// Its enumeration.
    pub fn enumeration(self) -> &'static Enumeration {
        self.enumeration
    }

    /// Its Russian name.
    pub fn name(self) -> &'static str {
        self.enumeration.values[self.at].0
    }
}

/// The enumeration of this name, in lower case.
pub(crate) fn find(key: &str) -> Option<&'static Enumeration> {
    static INDEX: OnceLock<HashMap<String, &'static Enumeration>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let names = |known: &'static Enumeration| [known.name, known.english].map(|name| (name.to_lowercase(), known));
        ENUMERATIONS.iter().flat_map(names).collect()
    });
    index.get(key).copied()
}

/// The value of an enumeration; both names are the table's own.
pub(crate) fn item(enumeration: &str, name: &str) -> Value {
    let known = find(&enumeration.to_lowercase()).and_then(|known| EnumItem::of(known, name));
    known.map_or(Value::Undefined, Value::Enum)
}

/// The enumeration itself, whose properties are its values.
pub(crate) struct EnumObject(pub &'static Enumeration);

impl Object for EnumObject {
    fn type_name(&self) -> Cow<'static, str> {
        format!("Перечисление{}", self.0.name).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        EnumItem::of(self.0, name.text()).map(Value::Enum).ok_or_else(|| error::no_property(name.text()))
    }
}

const ENUMERATIONS: &[Enumeration] = &[
    Enumeration {
        name: "ПереносСтрокJSON",
        english: "JSONLineBreak",
        values: &[("Нет", "None"), ("Авто", "Auto"), ("Windows", "Windows"), ("Unix", "Unix")],
    },
    Enumeration {
        name: "ЭкранированиеСимволовJSON",
        english: "JSONCharactersEscapeMode",
        values: &[("Нет", "None"), ("СимволыВнеASCII", "NotASCIISymbols"), ("СимволыВнеBMP", "SymbolsNotInBMP")],
    },
    Enumeration {
        name: "ТипЗначенияJSON",
        english: "JSONValueType",
        values: &[
            ("Ничего", "None"),
            ("НачалоОбъекта", "ObjectStart"),
            ("КонецОбъекта", "ObjectEnd"),
            ("НачалоМассива", "ArrayStart"),
            ("КонецМассива", "ArrayEnd"),
            ("ИмяСвойства", "PropertyName"),
            ("Строка", "String"),
            ("Число", "Number"),
            ("Булево", "Boolean"),
            ("Null", "Null"),
            ("Комментарий", "Comment"),
        ],
    },
    Enumeration {
        name: "ФорматДатыJSON",
        english: "JSONDateFormat",
        values: &[("ISO", "ISO"), ("JavaScript", "JavaScript"), ("Microsoft", "Microsoft")],
    },
    Enumeration {
        name: "ВариантЗаписиДатыJSON",
        english: "JSONDateWritingVariant",
        values: &[
            ("ЛокальнаяДата", "LocalDate"),
            ("ЛокальнаяДатаСоСмещением", "LocalDateWithOffset"),
            ("УниверсальнаяДата", "UniversalDate"),
        ],
    },
    Enumeration {
        name: "НаправлениеПоиска",
        english: "SearchDirection",
        values: &[("СНачала", "FromBegin"), ("СКонца", "FromEnd")],
    },
    Enumeration {
        name: "НаправлениеСортировки",
        english: "SortDirection",
        values: &[("Возр", "Asc"), ("Убыв", "Desc")],
    },
    Enumeration {
        name: "РежимОкругления",
        english: "RoundMode",
        values: &[("Окр15как10", "Round15as10"), ("Окр15как20", "Round15as20")],
    },
    Enumeration {
        name: "ДопустимыйЗнак",
        english: "AllowedSign",
        values: &[("Любой", "Any"), ("Неотрицательный", "Nonnegative")],
    },
    Enumeration {
        name: "ДопустимаяДлина",
        english: "AllowedLength",
        values: &[("Переменная", "Variable"), ("Фиксированная", "Fixed")],
    },
    Enumeration {
        name: "ЧастиДаты",
        english: "DateFractions",
        values: &[("ДатаВремя", "DateTime"), ("Дата", "Date"), ("Время", "Time")],
    },
    Enumeration {
        name: "СтатусСообщения",
        english: "MessageStatus",
        values: &[
            ("БезСтатуса", "WithoutStatus"),
            ("Обычное", "Ordinary"),
            ("Информация", "Information"),
            ("Внимание", "Attention"),
            ("Важное", "Important"),
            ("ОченьВажное", "VeryImportant"),
        ],
    },
    Enumeration {
        name: "ХешФункция",
        english: "HashFunction",
        values: &[("CRC32", "CRC32"), ("MD5", "MD5"), ("SHA1", "SHA1"), ("SHA256", "SHA256"), ("SHA512", "SHA512")],
    },
    Enumeration {
        name: "КодировкаТекста",
        english: "TextEncoding",
        values: &[("UTF8", "UTF8"), ("UTF16", "UTF16"), ("ANSI", "ANSI"), ("OEM", "OEM"), ("Системная", "System")],
    },
    Enumeration {
        name: "СпособКодированияСтроки",
        english: "StringEncodingMethod",
        values: &[("КодировкаURL", "URLEncoding"), ("URLВКодировкеURL", "URLInURLEncoding")],
    },
    Enumeration {
        name: "КатегорияОшибки",
        english: "ErrorCategory",
        values: &[
            ("ПрочаяОшибка", "OtherError"),
            ("ВсеОшибки", "AllErrors"),
            ("ОшибкаВоВстроенномЯзыке", "ScriptError"),
            ("ИсключениеВызванноеИзВстроенногоЯзыка", "ExceptionRaisedFromScript"),
            ("НарушениеПравДоступа", "AccessViolation"),
            ("НедостаточноПрав", "InsufficientRights"),
            ("ОшибкаКонфигурации", "ConfigurationError"),
            ("ОшибкаХранимыхДанных", "StoredDataError"),
            ("СетеваяОшибка", "NetworkError"),
        ],
    },
    Enumeration {
        name: "ТипВнешнейКомпоненты", english: "AddInType", values: &[("Native", "Native"), ("COM", "COM")]
    },
    Enumeration {
        name: "ТипПодключенияВнешнейКомпоненты",
        english: "AddInAttachmentType",
        values: &[("Изолированно", "Isolated"), ("НеИзолированно", "NotIsolated")],
    },
    Enumeration {
        name: "СостояниеФоновогоЗадания",
        english: "BackgroundJobState",
        values: &[
            ("Активно", "Active"),
            ("Завершено", "Completed"),
            ("ЗавершеноАварийно", "Failed"),
            ("Отменено", "Canceled"),
        ],
    },
    Enumeration {
        name: "УровеньЖурналаРегистрации",
        english: "EventLogLevel",
        values: &[
            ("Ошибка", "Error"),
            ("Предупреждение", "Warning"),
            ("Информация", "Information"),
            ("Примечание", "Note"),
        ],
    },
    Enumeration {
        name: "РежимЗаписиЖурналаРегистрации",
        english: "EventLogEntryTransactionMode",
        values: &[("Независимая", "Independent"), ("Транзакционная", "Transactional")],
    },
    Enumeration {
        name: "РежимБлокировкиДанных",
        english: "DataLockMode",
        values: &[("Исключительный", "Exclusive"), ("Разделяемый", "Shared")],
    },
    Enumeration {
        name: "РежимУправленияБлокировкойДанных",
        english: "DataLockControlMode",
        values: &[
            ("Автоматический", "Automatic"),
            ("Управляемый", "Managed"),
            ("АвтоматическийИУправляемый", "AutomaticAndManaged"),
        ],
    },
    Enumeration {
        name: "КодВозвратаДиалога",
        english: "DialogReturnCode",
        values: &[
            ("ОК", "OK"),
            ("Отмена", "Cancel"),
            ("Да", "Yes"),
            ("Нет", "No"),
            ("Прервать", "Abort"),
            ("Повторить", "Retry"),
            ("Пропустить", "Ignore"),
            ("Таймаут", "Timeout"),
        ],
    },
    Enumeration {
        name: "РежимДиалогаВопрос",
        english: "QuestionDialogMode",
        values: &[
            ("ОК", "OK"),
            ("ОКОтмена", "OKCancel"),
            ("ДаНет", "YesNo"),
            ("ДаНетОтмена", "YesNoCancel"),
            ("ПовторитьОтмена", "RetryCancel"),
            ("ПрерватьПовторитьПропустить", "AbortRetryIgnore"),
        ],
    },
    Enumeration {
        name: "ВидГраницы",
        english: "BoundaryType",
        values: &[("Включая", "Including"), ("Исключая", "Excluding")],
    },
    Enumeration {
        name: "ВидДвиженияНакопления",
        english: "AccumulationRecordType",
        values: &[("Приход", "Receipt"), ("Расход", "Expense")],
    },
    Enumeration {
        name: "ВидСравнения",
        english: "ComparisonType",
        values: &[("Равно", "Equal"), ("НеРавно", "NotEqual")],
    },
    Enumeration {
        name: "РежимЗаписиДокумента",
        english: "DocumentWriteMode",
        values: &[("Запись", "Write"), ("Проведение", "Posting"), ("ОтменаПроведения", "UndoPosting")],
    },
    Enumeration {
        name: "РежимПроведенияДокумента",
        english: "DocumentPostingMode",
        values: &[("Неоперативный", "Regular"), ("Оперативный", "RealTime")],
    },
    Enumeration {
        name: "ТипЗаписиЗапроса",
        english: "QueryRecordType",
        values: &[
            ("ДетальнаяЗапись", "DetailRecord"),
            ("ИтогПоГруппировке", "GroupTotal"),
            ("ИтогПоИерархии", "TotalByHierarchy"),
            ("ОбщийИтог", "Overall"),
        ],
    },
    Enumeration {
        name: "ОбходРезультатаЗапроса",
        english: "QueryResultIteration",
        values: &[
            ("Прямой", "Linear"),
            ("ПоГруппировкам", "ByGroups"),
            ("ПоГруппировкамСИерархией", "ByGroupsWithHierarchy"),
        ],
    },
];
