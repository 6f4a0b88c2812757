//! Examples and documentation name only what the built library exports, and the reference names all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use addin_host::{Library, Object};
use bsl_check::members::{MemberTable, Method, Property, usages};
use bsl_check::{Corpus, Finding, reference};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the library says of itself, through the platform's own questions.
fn table() -> &'static MemberTable {
    static TABLE: OnceLock<MemberTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let library = Library::open(addin_testkit::library()).unwrap();
        let object = library.create("Passteam").unwrap();
        MemberTable {
            properties: object.property_names().into_iter().map(|names| property(&object, names)).collect(),
            methods: object.method_names().into_iter().map(|names| method(&object, names)).collect(),
        }
    })
}

type Names = (String, Option<String>);

fn property(object: &Object, (english, russian): Names) -> Property {
    let (readable, writable) = (object.is_readable(&english), object.is_writable(&english));
    Property { names: [english, russian.unwrap()], readable, writable }
}

fn method(object: &Object, (english, russian): Names) -> Method {
    let parameters = object.parameter_count(&english);
    let has_default = |parameter| object.parameter_default(&english, parameter).is_some();
    let required = (0..parameters).take_while(|parameter| !has_default(*parameter)).count();
    let returns = object.has_return_value(&english);
    Method { names: [english, russian.unwrap()], required, parameters, returns }
}

#[track_caller]
fn assert_none(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn examples_and_documentation_use_only_members_that_exist() {
    let corpus = Corpus::read(&root()).unwrap();
    let used: Vec<_> = corpus.scripts().flat_map(usages).map(|usage| usage.name).collect();
    for member in ["CreateCard", "UpdateCard", "CallMethod", "Токен", "ВидОшибки"] {
        assert!(used.contains(&member), "no example uses {member}");
    }
    assert_none(&corpus.scripts().flat_map(|script| table().findings(script)).collect::<Vec<_>>());
}

#[test]
fn the_reference_describes_every_member_with_an_example() {
    let file = "docs/reference.md";
    let markdown = fs::read_to_string(root().join(file)).unwrap();
    assert_none(&reference::findings(table(), file, &markdown));
}
