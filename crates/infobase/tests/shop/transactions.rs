//! Transactions, locks and what sessions see of each other.

use crate::common::{CARDS, POINTS, Shop, date, money, record, value};
use infobase::metadata::declared::Variant;
use infobase::{Datum, Error, LockItem, ObjectData, Record, Reference, SessionId, TempTables, TransactionMode, User};

const QUEUE: &str = "РегистрСведений.ОчередьPassteam";
const MANAGED: Option<TransactionMode> = Some(TransactionMode::Managed);

fn queue_row(shop: &mut Shop, session: SessionId, card: &Datum, version: &str) -> infobase::Result<()> {
    let row = record(&[("Карта", card.clone()), ("Версия", Datum::text(version))]);
    let filter = record(&[("Карта", card.clone())]);
    shop.base.write_records(session, QUEUE, &filter, &[row], true)
}

fn version(shop: &mut Shop, session: SessionId, card: &Datum) -> infobase::Result<Option<String>> {
    let found = shop.base.read_record(session, QUEUE, &record(&[("Карта", card.clone())]))?;
    Ok(found.map(|row| row["Версия"].to_string().trim_end().to_owned()))
}

fn two_sessions() -> (Shop, SessionId, SessionId, Datum) {
    let mut shop = Shop::new();
    let card = shop.card("1", Datum::Undefined);
    let other = shop.base.open_session(User::administrator());
    let first = shop.session;
    (shop, first, other, card)
}

fn read(shop: &mut Shop, session: SessionId, card: &Datum) -> ObjectData {
    let Datum::Ref(reference) = card else { unreachable!() };
    shop.base.read_object(session, reference).unwrap().unwrap()
}

#[test]
fn others_see_a_write_after_its_commit() {
    let (mut shop, first, other, card) = two_sessions();
    queue_row(&mut shop, first, &card, "старая").unwrap();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "новая").unwrap();
    assert_eq!(version(&mut shop, first, &card), Ok(Some("новая".into())));
    assert_eq!(version(&mut shop, other, &card), Ok(Some("старая".into())));
    assert_eq!(version(&mut shop, first, &card), Ok(Some("новая".into())));
    shop.base.commit(first).unwrap();
    assert_eq!(version(&mut shop, other, &card), Ok(Some("новая".into())));
}

#[test]
fn a_rollback_takes_everything_back() {
    let (mut shop, first, other, card) = two_sessions();
    let second_card = shop.card("2", Datum::Undefined);
    shop.base.begin(first, MANAGED).unwrap();
    shop.base.begin(other, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    queue_row(&mut shop, other, &second_card, "2").unwrap();
    let receipt = shop.receipt(3, &[(&card, 10)]);
    shop.base.rollback(first).unwrap();
    shop.base.commit(other).unwrap();
    assert_eq!(version(&mut shop, first, &card), Ok(None));
    assert_eq!(version(&mut shop, first, &second_card), Ok(Some("2".into())));
    let left = shop.base.read_records(first, POINTS, &record(&[("Регистратор", receipt)])).unwrap();
    assert!(left.is_empty());
}

#[test]
fn a_lock_is_waited_for_and_granted_after_the_end() {
    let (mut shop, first, other, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    shop.base.begin(other, MANAGED).unwrap();
    let lock = [LockItem::exclusive(QUEUE).with("карта", card.clone())];
    shop.base.lock(first, &lock).unwrap();
    assert_eq!(shop.base.lock(other, &lock), Err(Error::WouldWait(vec![first])));
    assert_eq!(shop.base.waits_for(other), [first]);
    // The write locks its record too.
    assert_eq!(queue_row(&mut shop, other, &card, "2"), Err(Error::WouldWait(vec![first])));
    shop.base.commit(first).unwrap();
    shop.base.lock(other, &lock).unwrap();
    queue_row(&mut shop, other, &card, "2").unwrap();
    shop.base.commit(other).unwrap();
}

#[test]
fn locks_for_each_other_end_in_an_exception() {
    let (mut shop, first, other, card) = two_sessions();
    let second_card = shop.card("2", Datum::Undefined);
    for session in [first, other] {
        shop.base.begin(session, MANAGED).unwrap();
    }
    let mut cards = [read(&mut shop, first, &card), read(&mut shop, first, &second_card)];
    let mut copies = cards.clone();
    shop.base.write_object(first, &mut cards[0]).unwrap();
    shop.base.write_object(other, &mut cards[1]).unwrap();
    assert_eq!(shop.base.write_object(first, &mut copies[1]), Err(Error::WouldWait(vec![other])));
    assert_eq!(shop.base.write_object(other, &mut copies[0]), Err(Error::Deadlock));
    assert_eq!(shop.base.commit(other), Err(Error::TransactionFailed));
    shop.base.rollback(other).unwrap();
    let second = read(&mut shop, first, &second_card);
    assert_eq!(second.version, copies[1].version);
    shop.base.write_object(first, &mut copies[1]).unwrap();
    shop.base.commit(first).unwrap();
}

#[test]
fn a_time_out_fails_the_transaction_in_one_variant_only() {
    for fails in [true, false] {
        let mut shop = Shop::of(&Variant::retail_23(), |settings| settings.lock_timeout_fails_transaction = fails);
        let card = shop.card("1", Datum::Undefined);
        let (first, other) = (shop.session, shop.base.open_session(User::administrator()));
        let lock = [LockItem::exclusive(QUEUE).with("Карта", card.clone())];
        for session in [first, other] {
            shop.base.begin(session, MANAGED).unwrap();
        }
        shop.base.lock(first, &lock).unwrap();
        assert!(matches!(shop.base.lock(other, &lock), Err(Error::WouldWait(_))));
        assert_eq!(shop.base.lock_timed_out(other), Ok(Error::LockTimeout));
        assert_eq!(version(&mut shop, other, &card).is_err(), fails);
        assert_eq!(shop.base.commit(other).is_err(), fails);
    }
}

#[test]
fn a_nested_rollback_dooms_the_outer_transaction() {
    let (mut shop, first, _, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    shop.base.begin(first, None).unwrap();
    shop.base.rollback(first).unwrap();
    assert_eq!(version(&mut shop, first, &card), Err(Error::TransactionFailed));
    assert_eq!(shop.base.commit(first), Err(Error::TransactionFailed));
    assert_eq!(shop.base.in_transaction(first), Ok(true));
    shop.base.rollback(first).unwrap();
    assert_eq!(version(&mut shop, first, &card), Ok(None));
    assert_eq!(shop.base.rollback(first), Err(Error::NoTransaction));
}

#[test]
fn after_an_error_of_the_database_every_read_fails() {
    let (mut shop, first, _, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    let row = record(&[("Карта", card.clone())]);
    let twice = shop.base.write_records(first, QUEUE, &Record::new(), &[row.clone(), row], true);
    assert!(matches!(twice, Err(Error::NotUnique(_))), "{twice:?}");
    assert_eq!(version(&mut shop, first, &card), Err(Error::TransactionFailed));
    shop.base.rollback(first).unwrap();
    assert_eq!(version(&mut shop, first, &card), Ok(None));
}

#[test]
fn an_object_that_another_session_wrote_is_not_overwritten() {
    let (mut shop, first, other, card) = two_sessions();
    let mut mine = read(&mut shop, first, &card);
    let mut theirs = read(&mut shop, other, &card);
    shop.base.write_object(other, &mut theirs).unwrap();
    assert_eq!(shop.base.write_object(first, &mut mine), Err(Error::Changed));
    shop.base.write_object(other, &mut theirs).unwrap();
}

#[test]
fn a_file_base_has_one_writer() {
    let mut shop = Shop::of(&Variant { file_base: true, ..Variant::retail_23() }, |_| {});
    let (card, second_card) = (shop.card("1", Datum::Undefined), shop.card("2", Datum::Undefined));
    let (first, other) = (shop.session, shop.base.open_session(User::administrator()));
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    assert_eq!(queue_row(&mut shop, other, &second_card, "2"), Err(Error::WouldWait(vec![first])));
    assert_eq!(version(&mut shop, other, &card), Ok(None));
    shop.base.commit(first).unwrap();
    queue_row(&mut shop, other, &second_card, "2").unwrap();
}

#[test]
fn data_locks_of_an_automatic_transaction_hold_nobody() {
    let (mut shop, first, other, card) = two_sessions();
    let lock = [LockItem::exclusive(QUEUE).with("Карта", card)];
    assert_eq!(shop.base.lock(first, &lock), Err(Error::LockOutsideTransaction));
    shop.base.begin(first, None).unwrap();
    shop.base.lock(first, &lock).unwrap();
    shop.base.begin(other, MANAGED).unwrap();
    shop.base.lock(other, &lock).unwrap();
    assert!(shop.base.locks_of(first).is_empty());
    let wrong = [LockItem::exclusive(QUEUE).with("Версия", Datum::text("1"))];
    assert!(matches!(shop.base.lock(other, &wrong), Err(Error::Unknown(_))));
}

#[test]
fn a_killed_session_leaves_nothing_behind() {
    let (mut shop, first, other, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    shop.base.lock_for_editing(first, "очередь", None).unwrap();
    assert_eq!(shop.base.lock_for_editing(other, "очередь", None), Err(Error::ObjectLocked(first)));
    shop.base.close_session(first).unwrap();
    assert_eq!(version(&mut shop, other, &card), Ok(None));
    shop.base.lock_for_editing(other, "очередь", None).unwrap();
    queue_row(&mut shop, other, &card, "2").unwrap();
    assert_eq!(shop.base.begin(first, None), Err(Error::NoSession));
}

#[test]
fn a_set_of_records_replaces_the_recorders_old_one() {
    let (mut shop, session, _, card) = two_sessions();
    let receipt = shop.receipt(3, &[(&card, 10), (&card, 20)]);
    let filter = record(&[("Регистратор", receipt)]);
    let rows = shop.base.read_records(session, POINTS, &filter).unwrap();
    assert_eq!(rows.iter().map(|row| row["НомерСтроки"].to_string()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(rows[0]["Активность"], Datum::Boolean(true));
    let single = record(&[("Период", date(4)), ("ДисконтнаяКарта", card), ("Начислено", money(12_345))]);
    shop.base.write_records(session, POINTS, &filter, &[single], true).unwrap();
    let rows = shop.base.read_records(session, POINTS, &filter).unwrap();
    assert_eq!(rows[0]["Начислено"], money(12_345));
    shop.base.write_records(session, POINTS, &filter, &[], true).unwrap();
    assert!(shop.base.read_records(session, POINTS, &filter).unwrap().is_empty());
    let alien = record(&[("Регистратор", Datum::Ref(Reference::new_random("Документ.ЧекККМ")))]);
    assert!(matches!(shop.base.write_records(session, POINTS, &filter, &[alien], true), Err(Error::Value(_))));
}

#[test]
fn a_copy_has_what_was_committed() {
    let (mut shop, first, _, card) = two_sessions();
    queue_row(&mut shop, first, &card, "1").unwrap();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "2").unwrap();
    let mut copy = shop.base.copy().unwrap();
    let session = copy.open_session(User::administrator());
    let mut copy = Shop { base: copy, session };
    assert_eq!(version(&mut copy, session, &card), Ok(Some("1".into())));
    assert_eq!(version(&mut shop, first, &card), Ok(Some("2".into())));
}

#[test]
fn a_query_sees_what_its_own_session_wrote() {
    let (mut shop, first, other, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    let text = "ВЫБРАТЬ КОЛИЧЕСТВО(*) ИЗ РегистрСведений.ОчередьPassteam КАК О ГДЕ О.Карта = &Карта";
    assert_eq!(shop.rows(text, &[("Карта", value(card.clone()))]), ["1"]);
    shop.session = other;
    assert_eq!(shop.rows(text, &[("Карта", value(card))]), ["0"]);
}

#[test]
fn a_file_keeps_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.sqlite");
    let variant = Variant::retail_23();
    let open = || {
        let metadata = crate::common::metadata(&variant);
        infobase::Infobase::in_file(&path, metadata, infobase::Settings::from(&variant)).unwrap()
    };
    let mut base = open();
    let session = base.open_session(User::administrator());
    let mut shop = Shop { base, session };
    let card = shop.card("1", Datum::Undefined);
    drop(shop);
    let mut base = open();
    let session = base.open_session(User::administrator());
    let mut shop = Shop { base, session };
    assert_eq!(shop.rows(&format!("ВЫБРАТЬ К.КодКарты ИЗ {CARDS} КАК К"), &[]), ["1"]);
    let mut read = read(&mut shop, session, &card);
    shop.base.write_object(session, &mut read).unwrap();
}

/// Nobody's data lock is needed there: what was read cannot be changed by others before the end.
#[test]
fn what_an_automatic_transaction_has_read_stays_as_it_is() {
    let (mut shop, first, other, card) = two_sessions();
    queue_row(&mut shop, first, &card, "1").unwrap();
    shop.base.begin(first, Some(TransactionMode::Automatic)).unwrap();
    let text = "ВЫБРАТЬ Очередь.Версия КАК Версия ИЗ РегистрСведений.ОчередьPassteam КАК Очередь";
    shop.base.query_last(first, text, &Default::default()).unwrap();
    read(&mut shop, first, &card);
    assert_eq!(queue_row(&mut shop, other, &card, "2"), Err(Error::WouldWait(vec![first])));
    shop.base.lock_timed_out(other).unwrap();
    let mut object = read(&mut shop, other, &card);
    assert_eq!(shop.base.write_object(other, &mut object), Err(Error::WouldWait(vec![first])));
    queue_row(&mut shop, first, &card, "3").unwrap();
    shop.base.commit(first).unwrap();
    queue_row(&mut shop, other, &card, "2").unwrap();
}

/// A batch that had to wait is run again from its beginning.
#[test]
fn a_batch_that_waits_leaves_no_temporary_table() {
    let (mut shop, first, other, card) = two_sessions();
    shop.base.begin(first, MANAGED).unwrap();
    queue_row(&mut shop, first, &card, "1").unwrap();
    shop.base.begin(other, Some(TransactionMode::Automatic)).unwrap();
    let text = "ВЫБРАТЬ 1 КАК Один ПОМЕСТИТЬ ВТ; ВЫБРАТЬ * ИЗ РегистрСведений.ОчередьPassteam КАК Очередь";
    let mut tables = TempTables::new();
    let mut run = |shop: &mut Shop| shop.base.query(other, text, &Default::default(), &mut tables).map(|all| all.len());
    assert_eq!(run(&mut shop), Err(Error::WouldWait(vec![first])));
    shop.base.commit(first).unwrap();
    assert_eq!(run(&mut shop), Ok(2));
}
