//! `docs/queue.md` tells of the queue's states and outcomes what its module does.

use std::collections::BTreeSet;

use crate::stage::folder;

fn module() -> String {
    let path = folder().join("CommonModules/ОчередьPassteam/Ext/Module.bsl");
    std::fs::read_to_string(path).unwrap()
}

fn page() -> String {
    std::fs::read_to_string(folder().join("../../docs/queue.md")).unwrap()
}

/// Procedures and functions by name.
fn methods(module: &str) -> Vec<(&str, &str)> {
    let mut methods = Vec::new();
    for (word, end) in [("Процедура ", "\nКонецПроцедуры"), ("Функция ", "\nКонецФункции")]
    {
        for part in module.split(&format!("\n{word}")).skip(1) {
            let (name, _) = part.split_once('(').unwrap();
            let (text, _) = part.split_once(end).unwrap();
            methods.push((name, text));
        }
    }
    methods
}

fn method<'a>(module: &'a str, name: &str) -> &'a str {
    methods(module).into_iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name} is gone")).1
}

/// Cells of the table whose heading begins so, without the heading.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let from = page.find(heading).unwrap_or_else(|| panic!("the page has no table {heading}"));
    let rows = page[from..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Words in backticks.
fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Words in quotes that are English: kinds of errors.
fn kinds(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.filter(|word| word.chars().all(|letter| letter.is_ascii_alphabetic())).map(str::to_owned).collect()
}

fn first_column(page: &str, heading: &str) -> BTreeSet<String> {
    table(page, heading).iter().flat_map(|row| words(&row[0])).collect()
}

#[test]
fn the_table_of_states_names_every_change_of_state_and_no_other() {
    let (module, page) = (module(), page());
    const NO_RECORD: &str = "нет записи";
    let mut written = BTreeSet::new();
    for (name, text) in methods(&module) {
        for state in ["КОтправке", "СозданиеНачато", "ТребуетРешения"] {
            if text.contains(&format!(".Состояние = {state}();")) {
                written.insert((name.to_owned(), state.to_owned()));
            }
        }
        // The register of owners has no states.
        if text.contains("Запись.Удалить()") && !text.contains("ВладельцыPassteam") {
            written.insert((name.to_owned(), NO_RECORD.to_owned()));
        }
    }
    let told: BTreeSet<_> = table(&page, "| из | в |")
        .iter()
        .map(|row| (words(&row[3]).concat(), words(&row[1]).first().cloned().unwrap_or_else(|| NO_RECORD.to_owned())))
        .collect();
    assert_eq!(told, written);
}

#[test]
fn the_page_says_of_every_kind_of_error_what_becomes_of_it() {
    let (module, page) = (module(), page());
    let of = |name: &str| kinds(method(&module, name));
    let doubtful = of("Сомнительно");
    let passes: BTreeSet<_> = [of("ЭтоСбой"), of("ЗапросаНеБыло"), doubtful.clone()].into_iter().flatten().collect();
    assert_eq!(first_column(&page, "| вид ошибки | обновление"), passes);
    let for_person: BTreeSet<_> = of("РешаетЧеловек").union(&doubtful).cloned().collect();
    assert_eq!(first_column(&page, "| вид ошибки | что сделать |"), for_person);
    assert!(of("РешаетЧеловек").is_disjoint(&passes));
}

/// Whatever the component may say is one or the other.
#[test]
fn every_kind_of_error_is_known_to_the_queue() {
    let module = module();
    let known: BTreeSet<_> = ["ЭтоСбой", "ЗапросаНеБыло", "Сомнительно", "РешаетЧеловек"]
        .iter()
        .flat_map(|name| kinds(method(&module, name)))
        .collect();
    let reference = std::fs::read_to_string(folder().join("../../docs/reference.md")).unwrap();
    let documented = first_column(&reference, "| `ВидОшибки` |");
    assert_eq!(known, documented);
}
