//! The database, the service, the jobs and the people around the queue.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

pub const CARDS: usize = 2;
pub const WORKERS: usize = 2;
/// Which card is in the service from the start.
pub const CREATED_CARD: usize = 1;

/// `ПределПорции`: for so long a taken record is left alone.
const PORTION_LIMIT: u32 = 40;
/// A request that has left is carried out within this time or never.
const LATEST_REQUEST: u32 = 5;
/// `Пауза` after the first failure; longer than [`LATEST_REQUEST`].
const FIRST_PAUSE: u32 = 10;
/// No calm world needs more steps.
const CALM_STEPS: usize = 20_000;

type Card = usize;
/// How often a card's balance has been committed: stands for the balance itself.
type Balance = u32;

/// The algorithm and its variants that leave one of its safeguards out.
#[derive(Debug, Clone, Copy)]
pub struct Algorithm {
    /// `ЗанятьОчередь` lets only one job in.
    pub queue_lock: bool,
    /// `УдалитьИлиВернуть` compares the versions.
    pub checks_version: bool,
    /// `ДанныеКарт` comes after `ВзятьПорцию`.
    pub reads_data_after_versions: bool,
    /// `ПоставитьВОчередь` runs in the transaction of the sale.
    pub queues_in_transaction: bool,
    /// `ВзятьЗапись` moves the next attempt.
    pub puts_off_when_taken: bool,
    /// `ПорцияПросрочена` is asked before sending.
    pub drops_late_portions: bool,
    /// `НачатьСоздание` marks the attempt before the request.
    pub marks_creation: bool,
    /// `УстановитьИсход` hands an unknown outcome to a person.
    pub unknown_goes_to_person: bool,
    /// `ПередатьНезавершенныеСоздания` finds attempts whose job died.
    pub hands_over_unfinished: bool,
    /// `ЗаписьНаша` keeps a job off records that another one has taken since.
    pub checks_ownership: bool,
}

impl Default for Algorithm {
    fn default() -> Self {
        Self {
            queue_lock: true,
            checks_version: true,
            reads_data_after_versions: true,
            queues_in_transaction: true,
            puts_off_when_taken: true,
            drops_late_portions: true,
            marks_creation: true,
            unknown_goes_to_person: true,
            hands_over_unfinished: true,
            checks_ownership: true,
        }
    }
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// A job takes its next steps; a request in them gets this answer.
    Work { worker: usize, steps: u32, answer: Answer },
    /// A sale changes a balance and marks the card, in a transaction that stays open.
    BeginSale(Card),
    /// The open sale of the card is committed.
    CommitSale(Card),
    /// The open sale of the card is rolled back.
    RollBackSale(Card),
    /// A person writes the card.
    EditCard(Card),
    /// A job's process dies.
    Crash(usize),
    /// A request that left long ago reaches the service.
    CarryOutLateRequest,
    /// Time passes.
    Wait(u32),
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Carried out and answered.
    Success,
    /// Refused for good: `Duplicate`, `NotFound` and the like.
    Refused,
    /// Refused for now: `RateLimited`.
    RateLimited,
    /// Never left: `Connection`.
    NoConnection,
    /// Carried out, the answer is lost: `Timeout`.
    NoReply,
    /// `Timeout`, and carried out later, if at all.
    LateRequest,
}

/// A promise that was broken.
#[derive(Debug)]
pub enum Broken {
    Lost(Card),
    Reordered(Card),
    CreatedTwice(Card),
    NeverEnds,
    WrongInTheEnd(Card),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Lost(card) => write!(f, "баланс карты {card} не передан, и она не стоит в очереди"),
            Broken::Reordered(card) => write!(f, "прежний баланс карты {card} передан после нового"),
            Broken::CreatedTwice(card) => write!(f, "карта {card} создана дважды"),
            Broken::NeverEnds => write!(f, "очередь не пустеет"),
            Broken::WrongInTheEnd(card) => write!(f, "в сервисе не тот баланс карты {card}"),
        }
    }
}

/// `СостоянияОчередиPassteam`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `КОтправке`
    Waiting,
    /// `СозданиеНачато`
    Creating,
    /// `ТребуетРешения`
    ForPerson,
}

/// A record of the register `ОчередьPassteam`.
#[derive(Debug, Clone, Copy)]
struct Record {
    version: u32,
    state: State,
    tries: u32,
    next_attempt: u32,
    unknown: bool,
}

/// A row of a portion.
#[derive(Debug, Clone, Copy)]
struct Row {
    card: Card,
    version: u32,
    /// Until when nobody else takes the record.
    taken_until: u32,
    /// The record's next attempt as this job set it: `ЗаписьНаша`.
    ours: u32,
    /// What `ДанныеКарт` read.
    balance: Balance,
    created: bool,
}

/// Where a job stands: the step that it takes next.
#[derive(Debug, Clone, Default)]
enum Step {
    /// `ЗанятьОчередь`
    #[default]
    LockQueue,
    /// `ПередатьНезавершенныеСоздания`, a record each.
    HandOver(VecDeque<(Card, u32)>),
    /// `ВзятьПорцию`, its query.
    Select,
    /// `ВзятьПорцию`, its transaction.
    Take { cards: Vec<Card>, read_early: Vec<(Balance, bool)> },
    /// `ДанныеКарт`
    Read(Vec<Row>),
    /// `ОбновитьКарты`, a card's request each.
    Update { rows: VecDeque<Row>, answers: VecDeque<(Row, Answer)>, to_create: VecDeque<Row>, stopped: bool },
    /// `ЗавершитьОбновление` or `ЗаписатьИсход`, a record each.
    Finish { answers: VecDeque<(Row, Answer)>, to_create: VecDeque<Row>, stopped: bool },
    /// `ПроверитьСервис`
    Probe(VecDeque<Row>),
    /// `НачатьСоздание`, or `ЗаписатьИсход` where the service cannot be reached.
    Begin { rows: VecDeque<Row>, stopped: bool },
    /// `СоздатьКарту`
    Create { row: Row, rest: VecDeque<Row> },
    /// `ЗавершитьСоздание` or `ЗаписатьИсход`
    Settle { row: Row, answer: Answer, rest: VecDeque<Row> },
    /// `ОсвободитьОчередь`
    Unlock,
}

/// The procedures that the model stands for.
pub const PROCEDURES: [&str; 19] = [
    "ПоставитьВОчередь",
    "ПоставитьКарту",
    "ЗанятьОчередь",
    "ПередатьНезавершенныеСоздания",
    "ВзятьПорцию",
    "ВзятьЗапись",
    "ОбновитьКарты",
    "ПорцияПросрочена",
    "ЗавершитьОбновление",
    "ЗаписатьИсход",
    "УстановитьИсход",
    "УдалитьИлиВернуть",
    "ЗаписьНаша",
    "ПроверитьСервис",
    "НачатьСоздание",
    "СоздатьКарту",
    "ЗавершитьСоздание",
    "ОсвободитьОчередь",
    "ПовторитьПередачу",
];

impl Step {
    /// Whether no card is in hand.
    fn is_idle(&self) -> bool {
        match self {
            Step::LockQueue | Step::Select | Step::Unlock => true,
            Step::HandOver(records) => records.is_empty(),
            Step::Begin { rows, .. } => rows.is_empty(),
            _ => false,
        }
    }
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
struct Request {
    card: Card,
    creates: bool,
    balance: Balance,
    /// Lost after this time.
    until: u32,
}

/// What the service holds of a card.
#[derive(Debug, Clone, Copy, Default)]
struct Served {
    created: u32,
    balance: Balance,
}

pub struct World {
    algorithm: Algorithm,
    now: u32,
    balances: [Balance; CARDS],
    /// Whether the catalogue has the card's `cardId`.
    card_ids: [bool; CARDS],
    queue: BTreeMap<Card, Record>,
    /// Cards of open sales: their records are locked.
    sales: [bool; CARDS],
    workers: [Step; WORKERS],
    queue_owner: Option<usize>,
    versions: u32,
    service: [Served; CARDS],
    late: VecDeque<Request>,
}

type Outcome = Result<(), Broken>;

impl World {
    /// Plays the actions and then lets the world calm down. The last card is in the service from the start.
    pub fn run(algorithm: Algorithm, actions: &[Action]) -> Outcome {
        let mut world = World {
            algorithm,
            now: 0,
            balances: [0; CARDS],
            card_ids: [false; CARDS],
            queue: BTreeMap::new(),
            sales: [false; CARDS],
            workers: Default::default(),
            queue_owner: None,
            versions: 0,
            service: [Served::default(); CARDS],
            late: VecDeque::new(),
        };
        world.card_ids[CREATED_CARD] = true;
        world.service[CREATED_CARD].created = 1;
        for action in actions {
            world.act(*action)?;
            world.check_nothing_lost()?;
        }
        world.calm_down()
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Work { worker, steps, answer } => {
                for _ in 0..steps {
                    self.work(worker, answer)?;
                    self.check_nothing_lost()?;
                }
            }
            Action::BeginSale(card) if !self.sales[card] => {
                self.sales[card] = true;
                if !self.algorithm.queues_in_transaction {
                    self.queue_card(card, false);
                }
            }
            Action::CommitSale(card) if self.sales[card] => {
                self.balances[card] += 1;
                if self.algorithm.queues_in_transaction {
                    self.queue_card(card, false);
                }
                self.sales[card] = false;
            }
            Action::RollBackSale(card) => self.sales[card] = false,
            Action::EditCard(card) if !self.is_locked(card) && self.balances[card] > 0 => self.queue_card(card, true),
            Action::Crash(worker) => {
                self.workers[worker] = Step::LockQueue;
                if self.queue_owner == Some(worker) {
                    self.queue_owner = None;
                }
            }
            Action::CarryOutLateRequest => {
                if let Some(request) = self.late.pop_front() {
                    self.carry_out(request)?;
                }
            }
            Action::Wait(time) => {
                self.now += time;
                let now = self.now;
                self.late.retain(|request| request.until >= now);
            }
            Action::BeginSale(_) | Action::CommitSale(_) | Action::EditCard(_) => {}
        }
        Ok(())
    }

    fn check_nothing_lost(&self) -> Outcome {
        for card in 0..CARDS {
            let served = self.service[card].balance == self.balances[card];
            if !served && !self.queue.contains_key(&card) {
                return Err(Broken::Lost(card));
            }
        }
        Ok(())
    }

    /// Sales end, the service works, jobs run one after another, people do their part.
    fn calm_down(&mut self) -> Outcome {
        for card in 0..CARDS {
            self.act(Action::CommitSale(card))?;
        }
        for _ in 0..CALM_STEPS {
            if self.is_calm() {
                return self.check_end();
            }
            for worker in 0..WORKERS {
                self.act(Action::Work { worker, steps: 1, answer: Answer::Success })?;
            }
            self.act(Action::CarryOutLateRequest)?;
            self.act(Action::Wait(1))?;
            self.decide();
        }
        Err(Broken::NeverEnds)
    }

    fn is_calm(&self) -> bool {
        self.queue.is_empty() && self.late.is_empty() && self.workers.iter().all(Step::is_idle)
    }

    fn check_end(&self) -> Outcome {
        for card in 0..CARDS {
            let shown = self.service[card].balance == self.balances[card];
            if !shown || self.card_ids[card] != (self.service[card].created > 0) {
                return Err(Broken::WrongInTheEnd(card));
            }
        }
        Ok(())
    }

    /// A person goes through the list, in the way that the guide tells.
    fn decide(&mut self) {
        for card in 0..CARDS {
            let Some(record) = self.queue.get(&card).copied().filter(|record| record.state == State::ForPerson) else {
                continue;
            };
            let on_its_way = self.late.iter().any(|request| request.card == card);
            if on_its_way {
                continue;
            }
            let exists = self.service[card].created > 0;
            if record.unknown && exists {
                // Found in the service by its phone; its cardId is entered, and writing the card marks it.
                self.card_ids[card] = true;
            }
            if record.unknown && !exists {
                self.repeat(card);
            } else {
                self.queue_card(card, true);
            }
        }
    }

    /// `ПовторитьПередачу`
    fn repeat(&mut self, card: Card) {
        let version = self.new_version();
        let now = self.now;
        if let Some(record) = self.queue.get_mut(&card) {
            record.version = version;
            record.return_to_waiting(now);
        }
    }

    /// `ПоставитьВОчередь`, `ПоставитьКарту`
    fn queue_card(&mut self, card: Card, card_edited: bool) {
        let version = self.new_version();
        let (now, has_id) = (self.now, self.card_ids[card]);
        let fresh = Record { version, state: State::Waiting, tries: 0, next_attempt: now, unknown: false };
        let record = self.queue.entry(card).or_insert(fresh);
        record.version = version;
        if card_edited && record.state == State::ForPerson && (!record.unknown || has_id) {
            record.return_to_waiting(now);
        }
    }

    fn new_version(&mut self) -> u32 {
        self.versions += 1;
        self.versions
    }

    /// An open sale locks the card's record until it ends.
    fn is_locked(&self, card: Card) -> bool {
        self.sales[card] && self.algorithm.queues_in_transaction
    }

    fn data(&self, card: Card) -> (Balance, bool) {
        (self.balances[card], self.card_ids[card])
    }

    fn work(&mut self, worker: usize, answer: Answer) -> Outcome {
        let step = std::mem::take(&mut self.workers[worker]);
        self.workers[worker] = self.next_step(worker, step, answer)?;
        Ok(())
    }

    /// Takes one step; a transaction that meets a lock waits and stays where it is.
    fn next_step(&mut self, worker: usize, step: Step, answer: Answer) -> Result<Step, Broken> {
        Ok(match step {
            Step::LockQueue => self.lock_queue(worker),
            Step::HandOver(mut records) => match records.pop_front() {
                None => Step::Select,
                Some((card, next_attempt)) if self.is_locked(card) => {
                    records.push_front((card, next_attempt));
                    Step::HandOver(records)
                }
                Some((card, next_attempt)) => {
                    self.record_unknown(card, next_attempt);
                    Step::HandOver(records)
                }
            },
            Step::Select => {
                let cards: Vec<_> =
                    self.queue.iter().filter(|(_, record)| record.is_due(self.now)).map(|(card, _)| *card).collect();
                let read_early = cards.iter().map(|card| self.data(*card)).collect();
                if cards.is_empty() { Step::Unlock } else { Step::Take { cards, read_early } }
            }
            Step::Take { cards, read_early } if cards.iter().any(|card| self.is_locked(*card)) => {
                Step::Take { cards, read_early }
            }
            Step::Take { cards, read_early } => Step::Read(self.take(&cards, &read_early)),
            Step::Read(rows) => self.read(rows),
            Step::Update { rows, answers, to_create, stopped } => {
                self.update(rows, answers, to_create, stopped, answer)?
            }
            Step::Finish { answers, to_create, stopped } => self.finish(answers, to_create, stopped),
            Step::Probe(rows) => {
                let stopped = answer != Answer::Success;
                Step::Begin { rows, stopped }
            }
            Step::Begin { rows, stopped } => self.begin(rows, stopped),
            Step::Create { row, rest } => {
                let request =
                    Request { card: row.card, creates: true, balance: row.balance, until: self.now + LATEST_REQUEST };
                self.send(request, answer)?;
                Step::Settle { row, answer, rest }
            }
            Step::Settle { row, answer, rest } if self.is_locked(row.card) => Step::Settle { row, answer, rest },
            Step::Settle { row, answer, rest } => {
                self.settle(row, answer);
                let stopped = matches!(
                    answer,
                    Answer::RateLimited | Answer::NoConnection | Answer::NoReply | Answer::LateRequest
                );
                Step::Begin { rows: rest, stopped }
            }
            Step::Unlock => {
                if self.queue_owner == Some(worker) {
                    self.queue_owner = None;
                }
                Step::LockQueue
            }
        })
    }

    fn lock_queue(&mut self, worker: usize) -> Step {
        if self.algorithm.queue_lock && self.queue_owner.is_some() {
            return Step::LockQueue;
        }
        self.queue_owner = Some(worker);
        let hands_over = self.algorithm.hands_over_unfinished;
        let unfinished =
            |record: &Record| hands_over && record.state == State::Creating && record.next_attempt <= self.now;
        let records = self.queue.iter().filter(|(_, record)| unfinished(record));
        Step::HandOver(records.map(|(card, record)| (*card, record.next_attempt)).collect())
    }

    /// `ВзятьЗапись` for each card
    fn take(&mut self, cards: &[Card], read_early: &[(Balance, bool)]) -> Vec<Row> {
        let (now, moves) = (self.now, self.algorithm.puts_off_when_taken);
        let mut rows = Vec::new();
        for (card, (balance, created)) in cards.iter().zip(read_early) {
            let Some(record) = self.queue.get_mut(card).filter(|record| record.is_due(now)) else { continue };
            record.tries += 1;
            if moves {
                record.next_attempt = now + PORTION_LIMIT;
            }
            rows.push(Row {
                card: *card,
                version: record.version,
                taken_until: now + PORTION_LIMIT,
                ours: record.next_attempt,
                balance: *balance,
                created: *created,
            });
        }
        rows
    }

    /// `ДанныеКарт`
    fn read(&self, rows: Vec<Row>) -> Step {
        let read = |mut row: Row| {
            if self.algorithm.reads_data_after_versions {
                (row.balance, row.created) = self.data(row.card);
            }
            row
        };
        let (rows, to_create) = rows.into_iter().map(read).partition(|row| row.created);
        Step::Update { rows, answers: VecDeque::new(), to_create, stopped: false }
    }

    fn update(
        &mut self,
        mut rows: VecDeque<Row>,
        mut answers: VecDeque<(Row, Answer)>,
        to_create: VecDeque<Row>,
        mut stopped: bool,
        answer: Answer,
    ) -> Result<Step, Broken> {
        let Some(row) = rows.pop_front() else { return Ok(Step::Finish { answers, to_create, stopped }) };
        // ПорцияПросрочена
        if self.algorithm.drops_late_portions && self.now + LATEST_REQUEST >= row.taken_until {
            return Ok(Step::Unlock);
        }
        let answer = if stopped { Answer::RateLimited } else { answer };
        let request =
            Request { card: row.card, creates: false, balance: row.balance, until: self.now + LATEST_REQUEST };
        self.send(request, answer)?;
        stopped |= answer == Answer::RateLimited;
        answers.push_back((row, answer));
        Ok(Step::Update { rows, answers, to_create, stopped })
    }

    fn finish(&mut self, mut answers: VecDeque<(Row, Answer)>, to_create: VecDeque<Row>, stopped: bool) -> Step {
        match answers.pop_front() {
            None if stopped || to_create.is_empty() => Step::Begin { rows: to_create, stopped },
            None => Step::Probe(to_create),
            Some((row, answer)) if self.is_locked(row.card) => {
                answers.push_front((row, answer));
                Step::Finish { answers, to_create, stopped }
            }
            Some((row, answer)) => {
                match answer {
                    Answer::Success => self.delete_or_return(row),
                    Answer::Refused => self.record_refusal(row),
                    _ => self.put_off(row),
                }
                Step::Finish { answers, to_create, stopped }
            }
        }
    }

    /// The next card to create; `ВзятьПорцию` again where there is none.
    fn begin(&mut self, mut rows: VecDeque<Row>, stopped: bool) -> Step {
        match rows.pop_front() {
            None if stopped => Step::Unlock,
            None => Step::Select,
            Some(row) if self.is_locked(row.card) => {
                rows.push_front(row);
                Step::Begin { rows, stopped }
            }
            Some(row) if stopped => {
                self.put_off(row);
                Step::Begin { rows, stopped }
            }
            Some(row) => match self.begin_creation(row) {
                Some(row) => Step::Create { row, rest: rows },
                None => Step::Begin { rows, stopped },
            },
        }
    }

    /// `НачатьСоздание`
    fn begin_creation(&mut self, row: Row) -> Option<Row> {
        let (now, has_id, marks) = (self.now, self.card_ids[row.card], self.algorithm.marks_creation);
        let record = self.our_record(row.card, row.ours).filter(|_| !has_id)?;
        if marks {
            record.state = State::Creating;
            record.next_attempt = now + PORTION_LIMIT;
        }
        Some(Row { ours: record.next_attempt, ..row })
    }

    /// `ЗавершитьСоздание` or `ЗаписатьИсход`
    fn settle(&mut self, row: Row, answer: Answer) {
        match answer {
            Answer::Success => {
                self.card_ids[row.card] = true;
                self.delete_or_return(row);
            }
            Answer::Refused => self.record_refusal(row),
            Answer::RateLimited => self.put_off(row),
            Answer::NoConnection | Answer::NoReply | Answer::LateRequest if self.algorithm.unknown_goes_to_person => {
                self.record_unknown(row.card, row.ours);
            }
            Answer::NoConnection | Answer::NoReply | Answer::LateRequest => self.put_off(row),
        }
    }

    /// The card's record where it is still the job's own: `ЗаписьНаша`
    fn our_record(&mut self, card: Card, ours: u32) -> Option<&mut Record> {
        let checks = self.algorithm.checks_ownership;
        self.queue.get_mut(&card).filter(|record| record.next_attempt == ours || !checks)
    }

    /// `УдалитьИлиВернуть`
    fn delete_or_return(&mut self, row: Row) {
        let (now, checks) = (self.now, self.algorithm.checks_version);
        let Some(record) = self.our_record(row.card, row.ours) else { return };
        if record.version == row.version || !checks {
            self.queue.remove(&row.card);
        } else {
            record.return_to_waiting(now);
        }
    }

    /// `УстановитьИсход`: the service refused for good.
    fn record_refusal(&mut self, row: Row) {
        let now = self.now;
        let Some(record) = self.our_record(row.card, row.ours) else { return };
        if record.version == row.version {
            record.state = State::ForPerson;
        } else {
            record.return_to_waiting(now);
        }
    }

    /// `УстановитьИсход`: the card may have been created.
    fn record_unknown(&mut self, card: Card, ours: u32) {
        if let Some(record) = self.our_record(card, ours) {
            record.state = State::ForPerson;
            record.unknown = true;
        }
    }

    /// `УстановитьИсход`: another attempt after `Пауза`.
    fn put_off(&mut self, row: Row) {
        let now = self.now;
        if let Some(record) = self.our_record(row.card, row.ours) {
            record.state = State::Waiting;
            record.next_attempt = now + FIRST_PAUSE * record.tries.max(1);
        }
    }

    fn send(&mut self, request: Request, answer: Answer) -> Outcome {
        match answer {
            Answer::Success | Answer::NoReply => self.carry_out(request),
            Answer::LateRequest => {
                self.late.push_back(request);
                Ok(())
            }
            Answer::Refused | Answer::RateLimited | Answer::NoConnection => Ok(()),
        }
    }

    /// The service carries a request out.
    fn carry_out(&mut self, request: Request) -> Outcome {
        let served = &mut self.service[request.card];
        if request.creates {
            served.created += 1;
            if served.created > 1 {
                return Err(Broken::CreatedTwice(request.card));
            }
        }
        if request.balance < served.balance {
            return Err(Broken::Reordered(request.card));
        }
        served.balance = request.balance;
        Ok(())
    }
}

impl Record {
    fn is_due(&self, now: u32) -> bool {
        self.state == State::Waiting && self.next_attempt <= now
    }

    /// `ВернутьКОтправке`
    fn return_to_waiting(&mut self, now: u32) {
        self.state = State::Waiting;
        self.unknown = false;
        self.tries = 0;
        self.next_attempt = now;
    }
}
