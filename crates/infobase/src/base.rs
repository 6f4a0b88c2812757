//! The base itself: sessions, transactions, locks, the clock and the event log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{Duration, NaiveDate, NaiveDateTime};

use crate::datum::{Datum, Reference};
use crate::error::{Error, Result};
use crate::locks::{LockItem, LockTable, LockValue, Refusal};
use crate::metadata::declared::Variant;
use crate::metadata::{Kind, Metadata, Object, fold};
use crate::session::{Right, Session, Transaction, TransactionMode, User};
use crate::session_id::SessionId;
use crate::store::{Change, Store, Work};

/// How the base behaves, including the points that the knowledge of the platform leaves open: tests run both values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// One writer at a time: whoever writes in a transaction keeps all other writers waiting.
    pub file_base: bool,
    /// `НачатьТранзакцию()` without a mode begins an automatic transaction.
    pub mixed_lock_mode: bool,
    /// Not settled: whether a lock time-out forbids the transaction's commit.
    pub lock_timeout_fails_transaction: bool,
    /// Not settled: whether data locks of the program have an effect in an automatic transaction.
    pub data_locks_in_automatic: bool,
    /// Not settled: whether one call of `Заблокировать()` takes all its locks at once, or one after another in their order
    /// and keeps those that it has while it waits for the next.
    pub data_locks_one_by_one: bool,
    /// The extension was left in safe mode, as it is after loading: it extends no module of the server, stays without
    /// privileged mode and attaches no add-in.
    pub extension_safe_mode: bool,
    /// The file system refuses: a security profile or the folder's rights forbid it.
    pub files_forbidden: bool,
    /// БСП's own add-in draws bar codes.
    pub draws_codes: bool,
    /// Not settled: in which order a `Соответствие` is enumerated, that of insertion or another one, here the opposite.
    pub maps_backwards: bool,
}

impl From<&Variant> for Settings {
    fn from(variant: &Variant) -> Self {
        Settings {
            file_base: variant.file_base,
            mixed_lock_mode: variant.mixed_lock_mode,
            lock_timeout_fails_transaction: true,
            data_locks_in_automatic: false,
            data_locks_one_by_one: false,
            extension_safe_mode: false,
            files_forbidden: false,
            draws_codes: false,
            maps_backwards: false,
        }
    }
}

/// Level of an entry of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `Информация`.
    Information,
    /// `Предупреждение`.
    Warning,
    /// `Ошибка`.
    Error,
    /// `Примечание`.
    Note,
}

/// An entry of the event log. The log is no part of the transaction: a rollback leaves its entries.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Universal time of the session's computer.
    pub time: NaiveDateTime,
    /// The session.
    pub session: SessionId,
    /// The user's name.
    pub user: String,
    /// Event.
    pub event: String,
    /// Level.
    pub level: LogLevel,
    /// Full name of the metadata object; empty if none.
    pub object: String,
    /// Data.
    pub data: Datum,
    /// Comment.
    pub comment: String,
}

/// An advisory lock for editing: it stops other editors, not writes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ObjectLock {
    key: String,
    session: SessionId,
    form: Option<uuid::Uuid>,
}

/// A 1C infobase for tests. Not for threads at once: sessions take turns.
pub struct Infobase {
    pub(crate) metadata: Arc<Metadata>,
    settings: Settings,
    pub(crate) store: Store,
    sessions: BTreeMap<SessionId, Session>,
    next_session: u32,
    /// The session whose changes stand in the tables.
    visible: Option<SessionId>,
    locks: LockTable,
    writer: Option<SessionId>,
    object_locks: Vec<ObjectLock>,
    now: NaiveDateTime,
    log: Vec<LogEntry>,
    external_resources_locked: bool,
    /// The computer of the sessions that are opened from now on.
    computer: String,
    connection: String,
    /// The node that the base itself is, by the exchange plan's full name.
    own_nodes: BTreeMap<String, Reference>,
    main_node: Option<Reference>,
    /// Scheduled jobs that were switched on or off, by name.
    jobs: BTreeMap<String, bool>,
    pub(crate) next_version: u64,
    pub(crate) next_temporary: u64,
    commits: u64,
}

impl Infobase {
    /// Opens a base in memory.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn in_memory(metadata: Metadata, settings: Settings) -> Result<Self> {
        Self::open(None, Arc::new(metadata), settings)
    }

    /// Opens a base in a file and adds the tables and columns that it lacks.
    ///
    /// # Errors
    /// The file is no database, or cannot be written.
    pub fn in_file(path: &Path, metadata: Metadata, settings: Settings) -> Result<Self> {
        Self::open(Some(path), Arc::new(metadata), settings)
    }

    fn open(path: Option<&Path>, metadata: Arc<Metadata>, settings: Settings) -> Result<Self> {
        let store = Store::open(path, &metadata)?;
        let start = NaiveDate::from_ymd_opt(2026, 3, 2).and_then(|day| day.and_hms_opt(9, 0, 0));
        let mut base = Infobase {
            metadata,
            settings,
            store,
            sessions: BTreeMap::new(),
            next_session: 1,
            visible: None,
            locks: LockTable::default(),
            writer: None,
            object_locks: Vec::new(),
            now: start.unwrap_or_default(),
            log: Vec::new(),
            external_resources_locked: false,
            computer: "SERVER".into(),
            connection: if settings.file_base {
                r#"File="C:\Bases\Retail";"#.into()
            } else {
                r#"Srvr="SERVER";Ref="retail";"#.into()
            },
            own_nodes: BTreeMap::new(),
            main_node: None,
            jobs: BTreeMap::new(),
            next_version: 1,
            next_temporary: 1,
            commits: 0,
        };
        base.next_version = base.last_version()? + 1;
        Ok(base)
    }

    /// A copy of what is committed, as a restored backup is: without sessions, locks and log.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn copy(&mut self) -> Result<Infobase> {
        self.hide()?;
        let mut copy = Self::open(None, Arc::clone(&self.metadata), self.settings)?;
        self.store.copy_to(&mut copy.store)?;
        copy.now = self.now;
        copy.next_version = self.next_version;
        copy.jobs = self.jobs.clone();
        copy.own_nodes = self.own_nodes.clone();
        copy.main_node = self.main_node.clone();
        Ok(copy)
    }

    /// What the base consists of.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// How the base behaves.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    // Sessions.

    /// Opens a session.
    pub fn open_session(&mut self, user: User) -> SessionId {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        self.sessions.insert(id, Session::new(user, self.computer.clone()));
        id
    }

    /// Ends a session, or kills it: its transaction is rolled back, all its locks are released.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn close_session(&mut self, session: SessionId) -> Result<()> {
        self.end_transaction(session, false)?;
        self.object_locks.retain(|lock| lock.session != session);
        self.sessions.remove(&session);
        Ok(())
    }

    /// The open sessions.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    pub(crate) fn session(&self, id: SessionId) -> Result<&Session> {
        self.sessions.get(&id).ok_or(Error::NoSession)
    }

    fn session_mut(&mut self, id: SessionId) -> Result<&mut Session> {
        self.sessions.get_mut(&id).ok_or(Error::NoSession)
    }

    /// The session's user.
    ///
    /// # Errors
    /// There is no such session.
    pub fn user(&self, session: SessionId) -> Result<&User> {
        Ok(&self.session(session)?.user)
    }

    /// Switches privileged mode, in which rights are not asked for, and returns what it was.
    ///
    /// # Errors
    /// There is no such session.
    pub fn set_privileged(&mut self, session: SessionId, privileged: bool) -> Result<bool> {
        Ok(std::mem::replace(&mut self.session_mut(session)?.privileged, privileged))
    }

    /// Whether the session is in privileged mode.
    ///
    /// # Errors
    /// There is no such session.
    pub fn is_privileged(&self, session: SessionId) -> Result<bool> {
        Ok(self.session(session)?.privileged)
    }

    pub(crate) fn check_right(&self, session: SessionId, object: &str, right: Right) -> Result<()> {
        let session = self.session(session)?;
        if session.privileged || session.user.may(object, right) {
            return Ok(());
        }
        Err(Error::Rights { right: right.name(), object: object.into() })
    }

    // The clock.

    /// Universal time.
    pub fn now(&self) -> NaiveDateTime {
        self.now
    }

    /// Sets universal time.
    pub fn set_now(&mut self, now: NaiveDateTime) {
        self.now = now;
    }

    /// Lets time pass.
    pub fn advance(&mut self, time: Duration) {
        self.now += time;
    }

    /// Sets how far the clock of a session's computer is ahead, and the session's time zone.
    ///
    /// # Errors
    /// There is no such session.
    pub fn set_session_clock(&mut self, session: SessionId, skew: Duration, time_zone: Duration) -> Result<()> {
        let session = self.session_mut(session)?;
        session.clock_skew = skew;
        session.time_zone = time_zone;
        Ok(())
    }

    /// `ТекущаяУниверсальнаяДата()` in a session.
    ///
    /// # Errors
    /// There is no such session.
    pub fn universal_date(&self, session: SessionId) -> Result<NaiveDateTime> {
        Ok(self.now + self.session(session)?.clock_skew)
    }

    /// `ТекущаяДатаСеанса()` in a session.
    ///
    /// # Errors
    /// There is no such session.
    pub fn session_date(&self, session: SessionId) -> Result<NaiveDateTime> {
        Ok(self.universal_date(session)? + self.session(session)?.time_zone)
    }

    // The event log.

    /// Writes an entry.
    ///
    /// # Errors
    /// There is no such session.
    pub fn write_log(
        &mut self,
        session: SessionId,
        event: &str,
        level: LogLevel,
        object: &str,
        data: Datum,
        comment: &str,
    ) -> Result<()> {
        let time = self.universal_date(session)?;
        let user = self.user(session)?.name.clone();
        let (event, object, comment) = (event.into(), object.into(), comment.into());
        self.log.push(LogEntry { time, session, user, event, level, object, data, comment });
        Ok(())
    }

    /// The event log, oldest entry first.
    pub fn log(&self) -> &[LogEntry] {
        &self.log
    }

    /// Whether БСП has locked work with external resources, as it does in a base that it takes for a copy.
    pub fn external_resources_locked(&self) -> bool {
        self.external_resources_locked
    }

    /// Locks or unlocks work with external resources.
    pub fn lock_external_resources(&mut self, locked: bool) {
        self.external_resources_locked = locked;
    }

    // Where the base is, and its jobs.

    /// Says where the base is: `СтрокаСоединенияИнформационнойБазы()`, and the computer of the sessions that are opened
    /// from now on. A copy begins at the default place.
    pub fn set_place(&mut self, connection: &str, computer: &str) {
        self.connection = connection.into();
        self.computer = computer.into();
    }

    /// `СтрокаСоединенияИнформационнойБазы()`.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// `ИмяКомпьютера()` in a session.
    ///
    /// # Errors
    /// There is no such session.
    pub fn computer(&self, session: SessionId) -> Result<&str> {
        Ok(&self.session(session)?.computer)
    }

    /// Lets the file system refuse from now on, or no longer.
    pub fn forbid_files(&mut self, forbidden: bool) {
        self.settings.files_forbidden = forbidden;
    }

    /// Says which node of its exchange plan the base itself is.
    pub fn set_own_node(&mut self, node: Reference) {
        self.own_nodes.insert(node.object.to_string(), node);
    }

    /// `ЭтотУзел()` of an exchange plan. One that nobody has set up has an empty code and name.
    pub fn own_node(&self, plan: &str) -> Reference {
        let unset = || Reference { object: plan.into(), id: uuid::Uuid::from_u128(1) };
        self.own_nodes.get(plan).cloned().unwrap_or_else(unset)
    }

    /// Says which node the base is subordinate to.
    pub fn set_main_node(&mut self, node: Option<Reference>) {
        self.main_node = node;
    }

    /// `ПланыОбмена.ГлавныйУзел()`: nothing in a base that is subordinate to none.
    pub fn main_node(&self) -> Option<Reference> {
        self.main_node.clone()
    }

    /// Whether a scheduled job is switched on: as the metadata say until somebody changes it.
    ///
    /// # Errors
    /// The base has no such job.
    pub fn job_is_on(&self, name: &str) -> Result<bool> {
        let job = self.metadata.get(&format!("{}.{name}", Kind::ScheduledJob.name()))?;
        Ok(self.jobs.get(&job.name).copied().unwrap_or_else(|| job.flag("Use")))
    }

    /// Switches a scheduled job on or off, which needs full rights or privileged mode. It is no part of a transaction.
    ///
    /// # Errors
    /// The base has no such job; the user lacks the right.
    pub fn switch_job(&mut self, session: SessionId, name: &str, on: bool) -> Result<()> {
        let full = format!("{}.{name}", Kind::ScheduledJob.name());
        let job = self.metadata.get(&full)?.name.clone();
        self.check_right(session, &full, Right::Update)?;
        self.jobs.insert(job, on);
        Ok(())
    }

    // Transactions.

    /// `НачатьТранзакцию()`; without a mode the configuration's lock mode decides.
    ///
    /// # Errors
    /// There is no such session.
    pub fn begin(&mut self, session: SessionId, mode: Option<TransactionMode>) -> Result<()> {
        let default = if self.settings.mixed_lock_mode { TransactionMode::Automatic } else { TransactionMode::Managed };
        let session = self.session_mut(session)?;
        match &mut session.transaction {
            Some(transaction) => transaction.depth += 1,
            None => {
                let mode = mode.unwrap_or(default);
                session.transaction = Some(Transaction { depth: 1, failed: false, mode, changes: Vec::new() });
            }
        }
        Ok(())
    }

    /// The transaction that a write opens for itself and its handlers. Its mode is the written object's, if it is the
    /// outermost.
    ///
    /// # Errors
    /// There is no such session, or the base has no such object.
    pub fn begin_write(&mut self, session: SessionId, object: &str) -> Result<()> {
        let object = self.metadata.get(object)?;
        let automatic = self.settings.mixed_lock_mode && object.property("DataLockControlMode") == "Automatic";
        let mode = if automatic { TransactionMode::Automatic } else { TransactionMode::Managed };
        self.begin(session, Some(mode))
    }

    /// `ЗафиксироватьТранзакцию()`.
    ///
    /// # Errors
    /// There is no transaction, or it had an error: it then stays open for its rollback.
    pub fn commit(&mut self, session: SessionId) -> Result<()> {
        let transaction = self.session_mut(session)?.transaction.as_mut().ok_or(Error::NoTransaction)?;
        if transaction.failed {
            return Err(Error::TransactionFailed);
        }
        if transaction.depth > 1 {
            transaction.depth -= 1;
            return Ok(());
        }
        self.end_transaction(session, true)
    }

    /// How many transactions have been committed: as long as it is the same, so are the committed data.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// `ОтменитьТранзакцию()`. That of a nested transaction forbids the outer one's commit.
    ///
    /// # Errors
    /// There is no transaction.
    pub fn rollback(&mut self, session: SessionId) -> Result<()> {
        let transaction = self.session_mut(session)?.transaction.as_mut().ok_or(Error::NoTransaction)?;
        if transaction.depth > 1 {
            transaction.depth -= 1;
            transaction.failed = true;
            return Ok(());
        }
        self.end_transaction(session, false)
    }

    /// `ТранзакцияАктивна()`.
    ///
    /// # Errors
    /// There is no such session.
    pub fn in_transaction(&self, session: SessionId) -> Result<bool> {
        Ok(self.session(session)?.transaction.is_some())
    }

    /// Whether an error inside the transaction forbids its commit.
    ///
    /// # Errors
    /// There is no such session.
    pub fn transaction_failed(&self, session: SessionId) -> Result<bool> {
        Ok(self.session(session)?.transaction.as_ref().is_some_and(|transaction| transaction.failed))
    }

    /// Names of the tables that the session's transaction has written so far.
    ///
    /// # Errors
    /// There is no such session.
    pub fn written_tables(&self, session: SessionId) -> Result<BTreeSet<String>> {
        let changes = self.session(session)?.transaction.iter().flat_map(|transaction| &transaction.changes);
        Ok(changes.map(|change| change.table().to_owned()).collect())
    }

    /// Ends a transaction that a server call left open, as the platform does at the call's end.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn end_call(&mut self, session: SessionId) -> Result<bool> {
        let open = self.in_transaction(session)?;
        self.end_transaction(session, false)?;
        Ok(open)
    }

    fn end_transaction(&mut self, id: SessionId, keep: bool) -> Result<()> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if let Some(transaction) = session.transaction.take() {
            let visible = self.visible == Some(id);
            self.commits += u64::from(keep);
            match (keep, visible) {
                (true, false) => {
                    // What is committed must stand under the changes of the session that is visible.
                    self.hide()?;
                    self.store.redo(&transaction.changes)?;
                }
                (false, true) => self.store.undo(&transaction.changes)?,
                _ => {}
            }
            if self.visible == Some(id) {
                self.visible = None;
            }
        }
        self.locks.release(id);
        if self.writer == Some(id) {
            self.writer = None;
        }
        Ok(())
    }

    fn changes(&self, session: SessionId) -> &[Change] {
        let transaction = self.sessions.get(&session).and_then(|session| session.transaction.as_ref());
        transaction.map_or(&[], |transaction| &transaction.changes)
    }

    /// Takes the visible session's changes out of the tables.
    fn hide(&mut self) -> Result<()> {
        if let Some(visible) = self.visible.take() {
            let changes = self.changes(visible).to_vec();
            self.store.undo(&changes)?;
        }
        Ok(())
    }

    /// Shows a session its own view of the tables.
    ///
    /// # Errors
    /// The transaction had an error: nothing can be read any more.
    pub(crate) fn enter(&mut self, session: SessionId) -> Result<()> {
        if self.transaction_failed(session)? {
            return Err(Error::TransactionFailed);
        }
        if self.visible != Some(session) {
            self.hide()?;
            let changes = self.changes(session).to_vec();
            self.store.redo(&changes)?;
            self.visible = Some(session);
        }
        Ok(())
    }

    /// Notes an error of the database: the transaction can only be rolled back.
    pub(crate) fn fail<T>(&mut self, session: SessionId, error: Error) -> Result<T> {
        if let Some(transaction) = self.sessions.get_mut(&session).and_then(|session| session.transaction.as_mut()) {
            transaction.failed = true;
        }
        Err(error)
    }

    pub(crate) fn note_change(&mut self, session: SessionId, change: Change) -> Result<()> {
        let transaction = self.session_mut(session)?.transaction.as_mut().ok_or(Error::NoTransaction)?;
        transaction.changes.push(change);
        Ok(())
    }

    // Locks.

    /// `БлокировкаДанных.Заблокировать()`.
    ///
    /// # Errors
    /// A space or field does not exist, there is no transaction, [`Error::WouldWait`] if another session must go
    /// first, [`Error::Deadlock`] if waiting would never end.
    pub fn lock(&mut self, session: SessionId, items: &[LockItem]) -> Result<()> {
        let items = items.iter().map(|item| self.checked_item(item)).collect::<Result<Vec<_>>>()?;
        let Some(transaction) = &self.session(session)?.transaction else { return Err(Error::LockOutsideTransaction) };
        if transaction.failed {
            return Err(Error::TransactionFailed);
        }
        if transaction.mode == TransactionMode::Automatic && !self.settings.data_locks_in_automatic {
            return Ok(());
        }
        if self.settings.data_locks_one_by_one {
            return items.iter().try_for_each(|item| self.acquire(session, std::slice::from_ref(item)));
        }
        self.acquire(session, &items)
    }

    /// What the database has done so far: it depends on the data alone, not on the machine.
    pub fn work(&self) -> Work {
        self.store.work.get()
    }

    pub(crate) fn acquire(&mut self, session: SessionId, items: &[LockItem]) -> Result<()> {
        match self.locks.acquire(session, items) {
            Ok(()) => Ok(()),
            Err(Refusal::Wait(holders)) => Err(Error::WouldWait(holders)),
            Err(Refusal::Deadlock) => self.fail(session, Error::Deadlock),
        }
    }

    /// In an automatic transaction what was read stays as it is to the end: the database sees to it. A query holds whole
    /// tables, as PostgreSQL and file bases do.
    pub(crate) fn guard_reading(&mut self, session: SessionId, items: impl FnOnce() -> Vec<LockItem>) -> Result<()> {
        let transaction = self.session(session)?.transaction.as_ref();
        if transaction.is_none_or(|transaction| transaction.mode != TransactionMode::Automatic) {
            return Ok(());
        }
        let mut items = items();
        // Record sets of a recorder are locked in a space of their own.
        let sets: Vec<LockItem> = items
            .iter()
            .filter(|item| self.metadata.get(&item.space).is_ok_and(Object::has_recorder))
            .map(|item| LockItem::shared(&format!("{}.НаборЗаписей", item.space)))
            .collect();
        items.extend(sets);
        self.acquire(session, &items)
    }

    /// Gives names their spelling in the metadata.
    fn checked_item(&self, item: &LockItem) -> Result<LockItem> {
        let mut parts = item.space.splitn(3, '.');
        let object = format!("{}.{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let object = self.metadata.get(&object)?;
        let (space, allowed) = match parts.next().map(fold).as_deref() {
            None => (object.full_name(), lock_fields(object)),
            Some("наборзаписей" | "recordset") if object.has_recorder() => {
                (format!("{}.НаборЗаписей", object.full_name()), vec!["Регистратор".to_owned()])
            }
            Some(_) => return Err(Error::Unknown(format!("пространство блокировок {}", item.space))),
        };
        let mut fields = BTreeMap::new();
        for (name, value) in &item.fields {
            let field = object.table.field(name).filter(|field| allowed.contains(&field.name));
            let field = field.ok_or_else(|| Error::Unknown(format!("поле блокировки {}.{name}", item.space)))?;
            let adjust = |value: &Datum| field.types.adjust(value.clone());
            let value = match value {
                LockValue::Is(value) => LockValue::Is(adjust(value)),
                LockValue::Between(from, to) => LockValue::Between(from.as_ref().map(adjust), to.as_ref().map(adjust)),
            };
            fields.insert(field.name.clone(), value);
        }
        Ok(LockItem { space, fields, mode: item.mode })
    }

    /// The turn to write: in a file base one session has it to the end of its transaction.
    pub(crate) fn claim_writer(&mut self, session: SessionId) -> Result<()> {
        if !self.settings.file_base {
            return Ok(());
        }
        match self.writer {
            Some(writer) if writer != session => match self.locks.wait(session, BTreeSet::from([writer])) {
                Refusal::Wait(holders) => Err(Error::WouldWait(holders)),
                Refusal::Deadlock => self.fail(session, Error::Deadlock),
            },
            _ => {
                self.locks.stop_waiting(session);
                self.writer = Some(session);
                Ok(())
            }
        }
    }

    /// The scheduler lets the session's wait end without success. Returns the error to raise in the session.
    ///
    /// # Errors
    /// There is no such session.
    pub fn lock_timed_out(&mut self, session: SessionId) -> Result<Error> {
        self.locks.stop_waiting(session);
        if self.settings.lock_timeout_fails_transaction
            && let Some(transaction) = &mut self.session_mut(session)?.transaction
        {
            transaction.failed = true;
        }
        Ok(Error::LockTimeout)
    }

    /// The sessions for which a session waits; empty if it does not.
    pub fn waits_for(&self, session: SessionId) -> Vec<SessionId> {
        self.locks.waits_for(session)
    }

    /// The locks that a session holds.
    pub fn locks_of(&self, session: SessionId) -> Vec<LockItem> {
        self.locks.held_by(session)
    }

    /// Locks an object or a record key for editing. The lock is the session's, or the form's if there is one.
    ///
    /// # Errors
    /// Another session or form holds it.
    pub fn lock_for_editing(&mut self, session: SessionId, key: &str, form: Option<uuid::Uuid>) -> Result<()> {
        self.session(session)?;
        match self.object_locks.iter().find(|lock| lock.key == key) {
            Some(lock) if lock.session == session && lock.form == form => Ok(()),
            Some(lock) => Err(Error::ObjectLocked(lock.session)),
            None => {
                self.object_locks.push(ObjectLock { key: key.into(), session, form });
                Ok(())
            }
        }
    }

    /// Releases a lock for editing; nothing happens if the session and form do not hold it.
    pub fn unlock_for_editing(&mut self, session: SessionId, key: &str, form: Option<uuid::Uuid>) {
        self.object_locks.retain(|lock| lock.key != key || lock.session != session || lock.form != form);
    }

    /// Releases what a form holds, as closing it does.
    pub fn close_form(&mut self, session: SessionId, form: uuid::Uuid) {
        self.object_locks.retain(|lock| lock.session != session || lock.form != Some(form));
    }
}

/// The fields by which an object's data can be locked.
fn lock_fields(object: &Object) -> Vec<String> {
    match object.kind {
        Kind::Constant => Vec::new(),
        Kind::InformationRegister | Kind::AccumulationRegister => {
            let dimensions = object.table.of_role(crate::metadata::Role::Dimension).map(|field| field.name.clone());
            dimensions.chain(object.table.field("Период").map(|field| field.name.clone())).collect()
        }
        _ => vec!["Ссылка".to_owned()],
    }
}
