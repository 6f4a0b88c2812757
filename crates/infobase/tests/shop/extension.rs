//! An extension beside the main configuration.

use std::fs;

use infobase::metadata::declared::{Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::metadata::{Kind, Metadata, Origin};
use infobase::{Datum, Infobase, Reference, Right, Settings, User};

use crate::common::{CARDS, metadata, record};

const QUEUE: &str = "РегистрСведений.ОчередьPassteam";

#[test]
fn the_shipped_extension_is_read_whole() {
    let shipped = metadata(&Variant::retail_22());
    let extension = shipped.extension.clone().unwrap();
    assert_eq!((extension.name.as_str(), extension.mode.as_str()), ("Passteam", "Version8_3_16"));
    for name in [CARDS, "Справочник.ФизическиеЛица", "Справочник.Контрагенты", "РегистрНакопления.БонусныеБаллы"]
    {
        assert_eq!(shipped.get(name).unwrap().origin, Origin::Adopted, "{name}");
    }
    let own = shipped.of_kind(Kind::InformationRegister).filter(|object| object.origin == Origin::Extension);
    for register in own {
        for field in register.table.fields.iter().filter(|field| field.types.objects().count() > 0) {
            assert!(field.leading, "{}.{} keeps its object from being deleted", register.name, field.name);
        }
    }
    let viewer = User::limited("Кассир").with_role(&shipped, "ПросмотрPassteam");
    assert!(viewer.may(QUEUE, Right::Read) && !viewer.may("РегистрСведений.НастройкиPassteam", Right::Update));
    assert!(viewer.has_role("просмотрpassteam") && !viewer.has_role("НастройкаPassteam"));
}

#[test]
fn an_old_platform_knows_no_jobs_of_an_extension() {
    let jobs = |own_jobs| {
        let variant = Variant { own_jobs, ..Variant::retail_23() };
        metadata(&variant).of_kind(Kind::ScheduledJob).count()
    };
    assert!(jobs(true) > 0);
    assert_eq!(jobs(false), 0);
}

/// Writes an extension of a root with these children and these files.
fn read(children: &str, files: &[(&str, &str)]) -> Result<Metadata, String> {
    let folder = tempfile::tempdir().unwrap();
    let properties = "<Properties><Name>Х</Name><ObjectBelonging>Adopted</ObjectBelonging>\
        <ConfigurationExtensionPurpose>AddOn</ConfigurationExtensionPurpose></Properties>";
    let root = format!(
        "\u{feff}<MetaDataObject><Configuration>{properties}<ChildObjects>{children}</ChildObjects>\
         </Configuration></MetaDataObject>"
    );
    fs::write(folder.path().join("Configuration.xml"), root).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("<MetaDataObject>{text}</MetaDataObject>")).unwrap();
    }
    let variant = Variant::retail_23();
    let mut metadata = retail(&variant).unwrap();
    match add_extension(&mut metadata, folder.path(), &variant) {
        Ok(()) => Ok(metadata),
        Err(error) => Err(error.to_string().replace(folder.path().to_str().unwrap(), "")),
    }
}

#[test]
fn an_extension_that_does_not_fit_is_an_error_with_its_file() {
    let role = |name: &str| format!("<Role><Properties><Name>{name}</Name></Properties></Role>");
    let adopted = |name: &str, children: &str| {
        format!(
            "<Catalog><Properties><Name>{name}</Name><ObjectBelonging>Adopted</ObjectBelonging></Properties>\
             <ChildObjects>{children}</ChildObjects></Catalog>"
        )
    };
    assert!(read("<Role>Р</Role>", &[("Roles/Р.xml", &role("Р"))]).is_ok());
    let listed = "<Catalog>Контрагенты</Catalog>";
    let field = "<Attribute><Properties><Name>П</Name></Properties></Attribute>";
    let cases = [
        (read("<Role>Р</Role>", &[]), "/Roles/Р.xml: объект указан в Configuration.xml, но файла нет"),
        (read("", &[("Roles/Р.xml", &role("Р"))]), "/Roles/Р.xml: объект не указан в Configuration.xml"),
        (read("<Chart>Р</Chart>", &[]), "/Configuration.xml: вид Chart не поддерживается"),
        (
            read("<Catalog>Нет</Catalog>", &[("Catalogs/Нет.xml", &adopted("Нет", ""))]),
            "/Catalogs/Нет.xml: Не найдено: заимствованный объект Справочник.Нет",
        ),
        (
            read(listed, &[("Catalogs/Контрагенты.xml", &adopted("Контрагенты", field))]),
            "/Catalogs/Контрагенты.xml: заимствованный объект с собственными полями или формами не поддерживается",
        ),
    ];
    for (result, message) in cases {
        assert_eq!(result.map(|_| ()).unwrap_err(), message);
    }
}

#[test]
fn a_record_goes_with_the_object_of_its_leading_dimension() {
    let variant = Variant::retail_23();
    let mut base = Infobase::in_memory(metadata(&variant), Settings::from(&variant)).unwrap();
    let session = base.open_session(User::administrator());
    let mut card = base.new_object(&Reference::new_random(CARDS), false).unwrap();
    base.write_object(session, &mut card).unwrap();
    let mut second = base.new_object(&Reference::new_random(CARDS), false).unwrap();
    second.fields.insert("КартаДляНакоплений".into(), Datum::Ref(card.reference.clone()));
    base.write_object(session, &mut second).unwrap();
    for reference in [&card.reference, &second.reference] {
        let key = record(&[("Карта", Datum::Ref(reference.clone()))]);
        base.write_records(session, QUEUE, &key, std::slice::from_ref(&key), true).unwrap();
    }
    let referring = base.references_to(session, &card.reference).unwrap();
    assert_eq!(referring, ["Справочник.ИнформационныеКарты.КартаДляНакоплений"]);
    assert_eq!(base.references_to(session, &second.reference), Ok(Vec::new()));
    base.delete_object(session, &second.reference).unwrap();
    let left = base.read_records(session, QUEUE, &record(&[])).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["Карта"], Datum::Ref(card.reference));
}

#[test]
fn a_job_is_as_the_file_says_until_it_is_switched() {
    let variant = Variant::retail_23();
    let mut base = Infobase::in_memory(metadata(&variant), Settings::from(&variant)).unwrap();
    let administrator = base.open_session(User::administrator());
    let cashier = base.open_session(User::limited("Кассир"));
    assert_eq!(base.job_is_on("ОбработкаОчередиPassteam"), Ok(false));
    assert!(base.switch_job(cashier, "ОбработкаОчередиPassteam", true).is_err());
    base.switch_job(administrator, "обработкаочередиpassteam", true).unwrap();
    assert_eq!(base.job_is_on("ОбработкаОчередиPassteam"), Ok(true));
    assert_eq!(base.copy().unwrap().job_is_on("ОбработкаОчередиPassteam"), Ok(true));
    assert!(base.job_is_on("Нет").is_err());
}
