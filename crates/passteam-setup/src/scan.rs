//! What of an older, handmade integration stands in a module: calls of the service that would create each card twice.

/// A line that belongs to such an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// From 1.
    pub(crate) line: usize,
    /// The line as it stands there.
    pub(crate) text: String,
}

/// The host of the service, whatever the address looks like otherwise.
const SERVICE: &str = "passteam.ru";
/// Procedures of the vendor's example.
const PROCEDURES: [&str; 2] = ["createcard", "updatecard"];

/// The lines of a module that call the service or attach its component. Comments do not count; a text in quotes does: the
/// address and the component's name stand in one.
pub(crate) fn calls_of_the_service(module: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in module.trim_start_matches('\u{FEFF}').lines().enumerate() {
        let code = without_comment(line).to_lowercase();
        if code.contains(SERVICE)
            || attaches_the_component(&code)
            || PROCEDURES.iter().any(|name| has_word(&code, name))
        {
            findings.push(Finding { line: index + 1, text: line.trim().to_owned() });
        }
    }
    findings
}

/// The line up to its comment. Two slashes inside a text begin none; a doubled quotation mark stays inside.
fn without_comment(line: &str) -> &str {
    // A text that goes on from the line before begins with a bar.
    let mut in_text = line.trim_start().starts_with('|');
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_text = !in_text,
            '/' if !in_text && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
    }
    line
}

/// `AddIn.Имя.Passteam`, in either of the platform's spellings.
fn attaches_the_component(code: &str) -> bool {
    code.split(['"', ' ', '(', ')', ',']).any(|word| {
        (word.starts_with("addin.") || word.starts_with("внешняякомпонента.")) && word.ends_with(".passteam")
    })
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(code[..at].chars().next_back()) && !part(code[at + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(module: &str) -> Vec<usize> {
        calls_of_the_service(module).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn the_vendors_example_and_ours_are_found() {
        let module = "\u{FEFF}Процедура ПередЗаписью(Отказ)\n\
                      \tЕсли ПустаяСтрока(cardId) Тогда\n\
                      \t\tCreateCard();\n\
                      \tИначе\n\
                      \t\tОбъект.UpdateCard ();\n\
                      \tКонецЕсли;\n\
                      \tАдрес = \"https://getpass.passteam.ru/oapi/v1\";\n\
                      \tКомпонента = Новый(\"AddIn.Карты.Passteam\");\n\
                      КонецПроцедуры\n";
        assert_eq!(lines(module), [3, 5, 7, 8]);
        assert_eq!(calls_of_the_service(module)[0].text, "CreateCard();");
    }

    #[test]
    fn comments_and_likenesses_are_not() {
        let module = "// UpdateCard();\n\
                      А = \"//\"; // CreateCard\n\
                      МойCreateCard();\n\
                      UpdateCards();\n\
                      СообщитьПользователю(\"Passteam\");\n";
        assert_eq!(lines(module), [0usize; 0]);
    }

    #[test]
    fn a_text_with_slashes_is_no_comment() {
        assert_eq!(lines("Адрес = \"http://x\"; UpdateCard();"), [1]);
        assert_eq!(lines("\t|http://passteam.ru/a\";"), [1]);
    }
}
