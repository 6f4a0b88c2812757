//! Sample cards, so that lists, pages and searches can be tried with as many cards as a chain of shops has.

use crate::refusal::Refusal;
use crate::store::Store;

const FIRST_NAMES: [&str; 8] = ["Анна", "Мария", "Ольга", "Елена", "Иван", "Павел", "Сергей", "Дмитрий"];
const INITIALS: [&str; 7] = ["А.", "Б.", "В.", "Г.", "Д.", "К.", "М."];

/// Adds `count` cards, the account's templates by turns. Phones, names and unique values depend on the number of the
/// card alone, so that tests know them: the phone of the card at index 0 is 79000000000.
///
/// Fails if there is no template, or if a value is already used by a card of another origin.
pub(crate) fn add(store: &mut Store, count: usize) -> Result<(), Refusal> {
    let templates: Vec<String> = store.templates().iter().map(|template| template.id.clone()).collect();
    let unique: Vec<String> = store.unique_names().map(Into::into).collect();
    for _ in 0..count {
        let number = store.cards().len();
        let template = templates.get(number % templates.len().max(1)).ok_or(Refusal::UnknownTemplate)?;
        let variables = variables(number, &unique);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        store.create(template, &variables)?;
    }
    Ok(())
}

fn variables(number: usize, unique: &[String]) -> Vec<(String, String)> {
    let name = format!("{} {}", FIRST_NAMES[number % FIRST_NAMES.len()], INITIALS[number / 8 % INITIALS.len()]);
    let mut variables = vec![
        ("CLIENT_NAME".to_owned(), name),
        ("PHONE".to_owned(), format!("79{number:09}")),
        ("BONUS".to_owned(), format!("{}.50", number * 37 % 5000)),
        // A percent sign in a value must survive a client that strips those of the names.
        ("DISCOUNT".to_owned(), format!("{}%", number % 16)),
    ];
    for name in unique.iter().filter(|name| *name != "PHONE") {
        variables.retain(|(known, _)| known != name);
        variables.push((name.clone(), format!("{}-{number:09}", name.to_lowercase())));
    }
    variables
}
