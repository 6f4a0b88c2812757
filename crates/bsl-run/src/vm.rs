//! The interpreter: runs the statements of compiled modules in one session.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::error::{self, Failure, Place, Raised, Res};
use crate::global;
use crate::host::{Host, SharedHost};
use crate::ir::*;
use crate::object::Args;
use crate::stack;
use crate::value::{Name, Value};

/// How many calls may be open at once.
const DEEPEST_CALLS: usize = 20_000;
/// The longest text that an operation may make, in bytes.
pub(crate) const LONGEST_TEXT: usize = 512 << 20;
/// How many texts of `Вычислить` and `Выполнить` are kept compiled.
const FRAGMENTS: usize = 1000;

/// A module in a session: its code and the values of its variables.
pub struct Instance {
    code: Arc<ModuleCode>,
    vars: RefCell<Vec<Slot>>,
    ready: Cell<bool>,
}

impl Instance {
    /// An instance whose variables are not assigned yet.
    pub fn new(code: Arc<ModuleCode>) -> Rc<Instance> {
        let vars = code.vars.iter().map(|_| Slot::default()).collect();
        Rc::new(Instance { code, vars: RefCell::new(vars), ready: Cell::new(false) })
    }

    /// Its code.
    pub fn code(&self) -> &Arc<ModuleCode> {
        &self.code
    }

    /// The value of an exported variable.
    pub fn exported_variable(&self, name: &Name) -> Option<Value> {
        let at = self.exported(name)?;
        self.vars.borrow().get(at).map(Slot::get)
    }

    /// Gives an exported variable a value; false if there is none of this name.
    pub fn set_exported_variable(&self, name: &Name, value: Value) -> bool {
        let Some(at) = self.exported(name) else { return false };
        if let Some(slot) = self.vars.borrow_mut().get_mut(at) {
            slot.set(value);
        }
        true
    }

    fn exported(&self, name: &Name) -> Option<usize> {
        let at = *self.code.var_index.get(name.key())?;
        self.code.vars[at].1.then_some(at)
    }
}

/// A variable. It becomes a cell once a reference to it is passed to a method.
#[derive(Debug, Clone)]
enum Slot {
    Value(Value),
    Cell(Rc<RefCell<Value>>),
}

impl Default for Slot {
    fn default() -> Slot {
        Slot::Value(Value::Undefined)
    }
}

impl Slot {
    fn get(&self) -> Value {
        match self {
            Slot::Value(value) => value.clone(),
            Slot::Cell(cell) => cell.borrow().clone(),
        }
    }

    fn set(&mut self, value: Value) {
        match self {
            Slot::Value(own) => *own = value,
            Slot::Cell(cell) => {
                let old = cell.replace(value);
                drop(old);
            }
        }
    }

    fn share(&mut self) -> Rc<RefCell<Value>> {
        match self {
            Slot::Cell(cell) => cell.clone(),
            Slot::Value(value) => {
                let cell = Rc::new(RefCell::new(std::mem::take(value)));
                *self = Slot::Cell(cell.clone());
                cell
            }
        }
    }
}

/// A method that runs.
struct Frame<'c> {
    slots: Vec<Slot>,
    instance: &'c Rc<Instance>,
    this: Option<&'c Value>,
    method: &'c MethodCode,
    line: u32,
    /// The line that runs a text: the text's own lines are of no use in a message.
    text_of: Option<u32>,
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
    Goto(u32),
}

/// Where a property or an element gets its value back after a call that may have changed it.
enum Back {
    Member(Value, Name),
    Index(Value, Value),
}

type WriteBack = (Back, Rc<RefCell<Value>>, Value);

/// Runs modules of one session. Values do not leave its thread.
pub struct Vm {
    host: SharedHost,
    calls: usize,
    caught: Vec<Rc<Raised>>,
    /// The modules whose methods run, and the line that each has reached.
    lines: Vec<(Arc<ModuleCode>, u32)>,
    fragments: HashMap<(usize, bool, Arc<str>), Arc<Fragment>>,
}

impl Vm {
    /// A session in these surroundings.
    pub fn new(host: SharedHost) -> Vm {
        Vm { host, calls: 0, caught: Vec::new(), lines: Vec::new(), fragments: HashMap::new() }
    }

    /// The surroundings.
    pub fn host(&self) -> SharedHost {
        self.host.clone()
    }

    /// The surroundings, without sharing them.
    pub(crate) fn surroundings(&self) -> &dyn Host {
        &*self.host
    }

    /// The exception that is being handled.
    pub fn caught(&self) -> Option<Rc<Raised>> {
        self.caught.last().cloned()
    }

    /// The statement that runs now; nothing if none does.
    pub fn place(&self) -> Option<Place> {
        self.lines.last().map(|(code, line)| code.place(*line))
    }

    /// How many calls are open: what a call set for its own time ends with it.
    pub fn call_depth(&self) -> usize {
        self.calls
    }

    /// Runs the statements of a module outside of its methods, once.
    ///
    /// # Errors
    /// What the statements raise.
    pub fn initialize(&mut self, instance: &Rc<Instance>, this: Option<&Value>) -> Res<()> {
        if instance.ready.replace(true) {
            return Ok(());
        }
        let code = instance.code.clone();
        if code.body.code.statements.is_empty() {
            return Ok(());
        }
        let slots = vec![Slot::default(); code.body.locals.len()];
        self.run(Frame { slots, instance, this, method: &code.body, line: 1, text_of: None })?;
        Ok(())
    }

    /// Calls a method of a module, exported or not. The values in `arguments` are what the method left in its
    /// parameters; those after its last parameter are an error.
    ///
    /// # Errors
    /// What the method raises, or if it does not exist.
    pub fn call_method(
        &mut self,
        instance: &Rc<Instance>,
        this: Option<&Value>,
        name: &str,
        arguments: &mut [Value],
    ) -> Res<Value> {
        self.initialize(instance, this)?;
        let key = name.to_lowercase();
        let Some(&at) = instance.code.method_index.get(key.as_str()) else { return Err(error::no_method(name)) };
        let cells: Vec<_> = arguments.iter().map(|value| Rc::new(RefCell::new(value.clone()))).collect();
        let passed = cells.iter().map(|cell| Some(Slot::Cell(cell.clone()))).collect();
        let result = self.call(instance, this, at, passed)?;
        for (argument, cell) in arguments.iter_mut().zip(&cells) {
            *argument = cell.borrow().clone();
        }
        Ok(result)
    }

    fn call(
        &mut self,
        instance: &Rc<Instance>,
        this: Option<&Value>,
        at: usize,
        passed: Vec<Option<Slot>>,
    ) -> Res<Value> {
        let code = instance.code.clone();
        let method = &code.methods[at];
        if passed.len() > method.params.len() {
            return Err(error::too_many());
        }
        let mut slots = Vec::with_capacity(method.locals.len());
        let mut passed = passed.into_iter();
        for param in &method.params {
            slots.push(match passed.next().flatten() {
                Some(slot) if param.by_value => Slot::Value(slot.get()),
                Some(slot) => slot,
                None => match &param.default {
                    Some(default) => Slot::Value(default.value()),
                    None => return Err(error::too_few()),
                },
            });
        }
        slots.resize(method.locals.len(), Slot::default());
        self.run(Frame { slots, instance, this, method, line: method.line, text_of: None })
    }

    fn run(&mut self, mut frame: Frame<'_>) -> Res<Value> {
        if self.calls >= DEEPEST_CALLS || !stack::has_room() {
            return Err(Failure::new("Переполнение стека: слишком глубокая рекурсия"));
        }
        self.calls += 1;
        let method = frame.method;
        self.lines.push((frame.instance.code.clone(), frame.line));
        let result = self.block(&mut frame, &method.code);
        self.lines.pop();
        self.calls -= 1;
        self.host.call_ended(self.calls);
        crate::object::drop_flat(frame.slots.drain(..).filter_map(|slot| match slot {
            Slot::Value(value) => Some(value),
            Slot::Cell(_) => None,
        }));
        match result? {
            Flow::Return(value) => Ok(value),
            Flow::Goto(_) => Err(Failure::new("Метка не определена").at(|| place(&frame))),
            _ => Ok(Value::Undefined),
        }
    }

    fn reach(&mut self, frame: &mut Frame<'_>, line: u32) {
        frame.line = line;
        if let Some((_, reached)) = self.lines.last_mut() {
            *reached = frame.text_of.unwrap_or(line);
        }
    }

    fn block(&mut self, frame: &mut Frame<'_>, block: &Block) -> Res<Flow> {
        let mut at = 0;
        while let Some(statement) = block.statements.get(at) {
            self.reach(frame, statement.line);
            at += 1;
            let flow = match self.statement(frame, &statement.kind) {
                Ok(flow) => flow,
                Err(failure) => return Err(failure.at(|| place(frame))),
            };
            match flow {
                Flow::Next => {}
                Flow::Goto(label) => match block.labels.iter().find(|(known, _)| *known == label) {
                    Some((_, target)) => at = *target,
                    None => return Ok(Flow::Goto(label)),
                },
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, frame: &mut Frame<'_>, kind: &Kind) -> Res<Flow> {
        match kind {
            Kind::Assign(target, value) => {
                let value = self.eval(frame, value)?;
                self.assign(frame, target, value)?;
                Ok(Flow::Next)
            }
            Kind::Call(call) => {
                self.eval_call(frame, call, false)?;
                Ok(Flow::Next)
            }
            Kind::If(branches, otherwise) => {
                for (line, condition, body) in branches {
                    self.reach(frame, *line);
                    if self.eval(frame, condition)?.truth()? {
                        return self.block(frame, body);
                    }
                }
                self.block(frame, otherwise)
            }
            Kind::While(condition, body) => {
                let line = frame.line;
                loop {
                    frame.line = line;
                    if !self.eval(frame, condition)?.truth()? {
                        return Ok(Flow::Next);
                    }
                    match self.block(frame, body)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => return Ok(Flow::Next),
                        other => return Ok(other),
                    }
                }
            }
            Kind::For(target, from, to, body) => self.count(frame, target, from, to, body),
            Kind::ForEach(target, collection, body) => self.for_each(frame, target, collection, body),
            Kind::Return(value) => Ok(Flow::Return(match value {
                Some(value) => self.eval(frame, value)?,
                None => Value::Undefined,
            })),
            Kind::Break => Ok(Flow::Break),
            Kind::Continue => Ok(Flow::Continue),
            Kind::Try(body, handler) => self.attempt(frame, body, handler),
            Kind::Raise(text) => {
                let value = self.eval(frame, text)?;
                Err(global::raise(&value, &Args::default()))
            }
            Kind::RaiseWith(arguments) => {
                let arguments = self.plain_arguments(frame, arguments)?;
                Err(global::raise(&arguments.value(0), &arguments))
            }
            Kind::Reraise => match self.caught.last() {
                Some(raised) => Err(Failure::Raised(raised.clone())),
                None => Err(Failure::new("Нет исключения, которое можно вызвать повторно")),
            },
            Kind::Goto(label) => Ok(Flow::Goto(*label)),
            Kind::Execute(text) => {
                let text = self.eval(frame, text)?.text();
                self.fragment(frame, &text, false)?;
                Ok(Flow::Next)
            }
        }
    }

    fn count(&mut self, frame: &mut Frame<'_>, target: &Target, from: &Expr, to: &Expr, body: &Block) -> Res<Flow> {
        let line = frame.line;
        let from = self.eval(frame, from)?.number()?;
        let to = self.eval(frame, to)?.number()?;
        self.assign(frame, target, Value::Number(from))?;
        loop {
            frame.line = line;
            let current = self.read_target(frame, target)?.number()?;
            if current > to {
                return Ok(Flow::Next);
            }
            match self.block(frame, body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                other => return Ok(other),
            }
            frame.line = line;
            let current = self.read_target(frame, target)?.number()?;
            let next = current.checked_add(Decimal::ONE).ok_or_else(overflow)?;
            self.assign(frame, target, Value::Number(next))?;
        }
    }

    fn for_each(&mut self, frame: &mut Frame<'_>, target: &Target, collection: &Expr, body: &Block) -> Res<Flow> {
        let line = frame.line;
        let Value::Object(object) = self.eval(frame, collection)? else {
            return Err(Failure::new("Итератор для значения не определен"));
        };
        let mut at = 0;
        loop {
            frame.line = line;
            let Some(item) = object.item(self, at)? else { return Ok(Flow::Next) };
            at += 1;
            self.assign(frame, target, item)?;
            match self.block(frame, body)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                other => return Ok(other),
            }
        }
    }

    fn attempt(&mut self, frame: &mut Frame<'_>, body: &Block, handler: &Block) -> Res<Flow> {
        let calls = self.calls;
        let raised = match self.block(frame, body) {
            Err(Failure::Raised(raised)) => raised,
            other => return other,
        };
        self.calls = calls;
        self.caught.push(raised);
        let result = self.block(frame, handler);
        self.caught.pop();
        result
    }

    fn read_target(&mut self, frame: &mut Frame<'_>, target: &Target) -> Res<Value> {
        match target {
            Target::Local(at) => Ok(frame.slots[*at].get()),
            Target::ModuleVar(at) => Ok(frame.instance.vars.borrow()[*at].get()),
            Target::Context(name) => self.context(frame, name),
            Target::Member(..) | Target::Index(..) => Err(Failure::new("Ожидается переменная цикла")),
        }
    }

    fn context(&mut self, frame: &Frame<'_>, name: &Name) -> Res<Value> {
        match frame.this {
            Some(this) => self.get_member(this, name),
            None => Err(error::no_property(name.text())),
        }
    }

    fn assign(&mut self, frame: &mut Frame<'_>, target: &Target, value: Value) -> Res<()> {
        match target {
            Target::Local(at) => frame.slots[*at].set(value),
            Target::ModuleVar(at) => {
                frame.instance.vars.borrow_mut()[*at].set(value);
            }
            Target::Context(name) => match frame.this {
                Some(this) => self.set_member(this, name, value)?,
                None => return Err(error::no_property(name.text())),
            },
            Target::Member(object, name) => {
                let object = self.eval(frame, object)?;
                self.set_member(&object, name, value)?;
            }
            Target::Index(object, key) => {
                let object = self.eval(frame, object)?;
                let key = self.eval(frame, key)?;
                self.set_index(&object, &key, value)?;
            }
        }
        Ok(())
    }

    /// Reads a property of a value.
    ///
    /// # Errors
    /// If the value has no such property.
    pub fn get_member(&mut self, object: &Value, name: &Name) -> Res<Value> {
        match object {
            Value::Object(object) => object.clone().get(self, name),
            _ => Err(not_an_object(name)),
        }
    }

    /// Writes a property of a value.
    ///
    /// # Errors
    /// If the value has no such property, or it cannot be written.
    pub fn set_member(&mut self, object: &Value, name: &Name, value: Value) -> Res<()> {
        match object {
            Value::Object(object) => object.clone().set(self, name, value),
            _ => Err(not_an_object(name)),
        }
    }

    /// Calls a method of a value.
    ///
    /// # Errors
    /// What the method raises, or if the value has none of this name.
    pub fn call_member(&mut self, object: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        match object {
            Value::Object(inner) => inner.clone().call_on(self, object, name, arguments),
            _ => Err(not_an_object(name)),
        }
    }

    fn index(&mut self, object: &Value, key: &Value) -> Res<Value> {
        match object {
            Value::Object(object) => object.clone().index(self, key),
            _ => Err(Failure::new("Получение элемента по индексу для значения не определено")),
        }
    }

    fn set_index(&mut self, object: &Value, key: &Value, value: Value) -> Res<()> {
        match object {
            Value::Object(object) => object.clone().set_index(self, key, value),
            _ => Err(Failure::new("Установка элемента по индексу для значения не определена")),
        }
    }

    fn eval(&mut self, frame: &mut Frame<'_>, expression: &Expr) -> Res<Value> {
        match expression {
            Expr::Const(constant) => Ok(constant.value()),
            Expr::Local(at) => Ok(frame.slots[*at].get()),
            Expr::ModuleVar(at) => Ok(frame.instance.vars.borrow()[*at].get()),
            Expr::Global(name) => match global::property(name.key()) {
                Some(value) => Ok(value),
                None => {
                    let host = self.host();
                    host.property(self, name)
                }
            },
            Expr::Context(name) => self.context(frame, name),
            Expr::This => frame.this.cloned().ok_or_else(|| error::no_property("ЭтотОбъект")),
            Expr::Member(object, name) => {
                let object = self.eval(frame, object)?;
                self.get_member(&object, name)
            }
            Expr::Index(object, key) => {
                let object = self.eval(frame, object)?;
                let key = self.eval(frame, key)?;
                self.index(&object, &key)
            }
            Expr::Negate(operand) => {
                let number = self.eval(frame, operand)?.number()?;
                Ok(Value::Number(-number))
            }
            Expr::Plus(operand) => Ok(Value::Number(self.eval(frame, operand)?.number()?)),
            Expr::Not(operand) => Ok(Value::Bool(!self.eval(frame, operand)?.truth()?)),
            Expr::And(left, right) => {
                Ok(Value::Bool(self.eval(frame, left)?.truth()? && self.eval(frame, right)?.truth()?))
            }
            Expr::Or(left, right) => {
                Ok(Value::Bool(self.eval(frame, left)?.truth()? || self.eval(frame, right)?.truth()?))
            }
            Expr::Binary(operator, left, right) => {
                let left = self.eval(frame, left)?;
                let right = self.eval(frame, right)?;
                binary(*operator, &left, &right)
            }
            Expr::Ternary(parts) => {
                let (condition, consequence, alternative) = &**parts;
                if self.eval(frame, condition)?.truth()? {
                    self.eval(frame, consequence)
                } else {
                    self.eval(frame, alternative)
                }
            }
            Expr::New(name, arguments) => {
                let mut arguments = self.plain_arguments(frame, arguments)?;
                global::create(self, name, &mut arguments)
            }
            Expr::NewOf(name, arguments) => {
                let name = match self.eval(frame, name)? {
                    Value::Str(name) | Value::Type(name) => name,
                    _ => return Err(error::bad_argument(1)),
                };
                let values = match arguments {
                    None => Vec::new(),
                    Some(arguments) => {
                        let list = self.eval(frame, arguments)?;
                        let array =
                            list.as_object::<crate::collections::Array>().ok_or_else(|| error::bad_argument(2))?;
                        array.values().into_iter().map(Some).collect()
                    }
                };
                global::create(self, &Name::new(&name), &mut Args::new(values))
            }
            call => self.eval_call(frame, call, true),
        }
    }

    fn eval_call(&mut self, frame: &mut Frame<'_>, call: &Expr, wants_value: bool) -> Res<Value> {
        match call {
            Expr::CallOwn(at, arguments) => {
                let instance = frame.instance;
                if wants_value && !instance.code.methods[*at].is_function {
                    return Err(procedure_as_function(&instance.code.methods[*at].name));
                }
                let this = frame.this;
                self.call_with(frame, instance, this, *at, arguments)
            }
            Expr::CallGlobal(function, arguments) => {
                if wants_value && !function.returns {
                    return Err(procedure_as_function(&Name::new(function.russian)));
                }
                self.native(frame, arguments, |vm, arguments| (function.run)(vm, arguments))
            }
            Expr::CallHost(name, arguments) => {
                let host = self.host();
                self.native(frame, arguments, |vm, arguments| host.function(vm, name, arguments))
            }
            Expr::CallContext(name, arguments) => match frame.this {
                Some(this) => {
                    let this = this.clone();
                    self.native(frame, arguments, |vm, arguments| vm.call_member(&this, name, arguments))
                }
                None => Err(error::no_method(name.text())),
            },
            Expr::CallMember(object, name, arguments) => {
                let receiver = self.eval(frame, object)?;
                let Value::Object(object) = &receiver else { return Err(not_an_object(name)) };
                if let Some(instance) = object.module(self)?
                    && let Some(&at) = instance.code.method_index.get(name.key())
                    && instance.code.methods[at].exported
                {
                    if wants_value && !instance.code.methods[at].is_function {
                        return Err(procedure_as_function(name));
                    }
                    let this = instance.code.names.has_this().then_some(&receiver);
                    self.initialize(&instance, this)?;
                    return self.call_with(frame, &instance, this, at, arguments);
                }
                self.native(frame, arguments, |vm, arguments| vm.call_member(&receiver, name, arguments))
            }
            Expr::Evaluate(text) => {
                let text = self.eval(frame, text)?.text();
                self.fragment(frame, &text, true)
            }
            _ => Ok(Value::Undefined),
        }
    }

    /// Calls a method of a module with the caller's variables by reference.
    fn call_with(
        &mut self,
        frame: &mut Frame<'_>,
        instance: &Rc<Instance>,
        this: Option<&Value>,
        at: usize,
        arguments: &[Arg],
    ) -> Res<Value> {
        let code = instance.code.clone();
        let params = &code.methods[at].params;
        let mut back: Vec<WriteBack> = Vec::new();
        let mut passed = Vec::with_capacity(arguments.len());
        for (number, argument) in arguments.iter().enumerate() {
            let by_value = params.get(number).is_none_or(|param| param.by_value);
            passed.push(match argument {
                Arg::Omitted => None,
                Arg::Expr(expression) if by_value => Some(Slot::Value(self.eval(frame, expression)?)),
                Arg::Expr(Expr::Local(at)) => Some(Slot::Cell(frame.slots[*at].share())),
                Arg::Expr(Expr::ModuleVar(at)) => Some(Slot::Cell(frame.instance.vars.borrow_mut()[*at].share())),
                Arg::Expr(Expr::Member(object, name)) => {
                    let object = self.eval(frame, object)?;
                    let value = self.get_member(&object, name)?;
                    Some(returning(&mut back, Back::Member(object, name.clone()), value))
                }
                Arg::Expr(Expr::Index(object, key)) => {
                    let object = self.eval(frame, object)?;
                    let key = self.eval(frame, key)?;
                    let value = self.index(&object, &key)?;
                    Some(returning(&mut back, Back::Index(object, key), value))
                }
                Arg::Expr(Expr::Context(name)) => {
                    let value = self.context(frame, name)?;
                    let this = frame.this.cloned().unwrap_or_default();
                    Some(returning(&mut back, Back::Member(this, name.clone()), value))
                }
                Arg::Expr(expression) => Some(Slot::Value(self.eval(frame, expression)?)),
            });
        }
        let result = self.call(instance, this, at, passed)?;
        for (target, cell, before) in back {
            let after = cell.borrow().clone();
            if after.key() == before.key() {
                continue;
            }
            match target {
                Back::Member(object, name) => self.set_member(&object, &name, after)?,
                Back::Index(object, key) => self.set_index(&object, &key, after)?,
            }
        }
        Ok(result)
    }

    fn plain_arguments(&mut self, frame: &mut Frame<'_>, arguments: &[Arg]) -> Res<Args> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(match argument {
                Arg::Omitted => None,
                Arg::Expr(expression) => Some(self.eval(frame, expression)?),
            });
        }
        Ok(Args::new(values))
    }

    /// Calls something of the platform, and gives variables what it wrote into its parameters.
    fn native(
        &mut self,
        frame: &mut Frame<'_>,
        arguments: &[Arg],
        call: impl FnOnce(&mut Vm, &mut Args) -> Res<Value>,
    ) -> Res<Value> {
        let mut values = self.plain_arguments(frame, arguments)?;
        let result = call(self, &mut values)?;
        for (at, value) in values.take_written() {
            let target = match arguments.get(at) {
                Some(Arg::Expr(Expr::Local(at))) => {
                    frame.slots[*at].set(value);
                    continue;
                }
                Some(Arg::Expr(Expr::ModuleVar(at))) => {
                    frame.instance.vars.borrow_mut()[*at].set(value);
                    continue;
                }
                Some(Arg::Expr(Expr::Member(object, name))) => (self.eval(frame, object)?, name),
                _ => continue,
            };
            self.set_member(&target.0, target.1, value)?;
        }
        Ok(result)
    }

    fn fragment(&mut self, frame: &mut Frame<'_>, text: &Arc<str>, is_expression: bool) -> Res<Value> {
        let key = (std::ptr::from_ref(frame.method) as usize, is_expression, text.clone());
        let fragment = match self.fragments.get(&key) {
            Some(known) => known.clone(),
            None => {
                let compiled = frame.instance.code.fragment(frame.method, text, is_expression);
                let compiled = compiled.map_err(|error| Failure::new(format!("{}: {}", error.file, error.message)))?;
                if self.fragments.len() >= FRAGMENTS {
                    self.fragments.clear();
                }
                let compiled = Arc::new(compiled);
                self.fragments.insert(key, compiled.clone());
                compiled
            }
        };
        let mut slots = vec![Slot::default(); fragment.locals];
        for (outer, own) in &fragment.captures {
            slots[*own] = Slot::Cell(frame.slots[*outer].share());
        }
        if self.calls >= DEEPEST_CALLS || !stack::has_room() {
            return Err(Failure::new("Переполнение стека: слишком глубокая рекурсия"));
        }
        let line = frame.text_of.unwrap_or(frame.line);
        let (instance, this, method) = (frame.instance, frame.this, frame.method);
        let mut inner = Frame { slots, instance, this, method, line, text_of: Some(line) };
        self.calls += 1;
        let result = self.block(&mut inner, &fragment.code);
        self.calls -= 1;
        match result? {
            Flow::Return(value) => Ok(value),
            Flow::Goto(_) => Err(Failure::new("Метка не определена")),
            _ => Ok(Value::Undefined),
        }
    }
}

fn returning(back: &mut Vec<WriteBack>, target: Back, value: Value) -> Slot {
    let cell = Rc::new(RefCell::new(value.clone()));
    back.push((target, cell.clone(), value));
    Slot::Cell(cell)
}

fn place(frame: &Frame<'_>) -> Place {
    frame.instance.code.place(frame.text_of.unwrap_or(frame.line))
}

fn not_an_object(name: &Name) -> Failure {
    Failure::new(format!("Значение не является значением объектного типа ({name})"))
}

fn procedure_as_function(name: &Name) -> Failure {
    Failure::new(format!("Обращение к процедуре как к функции ({name})"))
}

pub(crate) fn overflow() -> Failure {
    Failure::new("Переполнение: число не может быть представлено")
}

fn divisor(value: &Value) -> Res<Decimal> {
    let number = value.number()?;
    if number.is_zero() { Err(Failure::new("Деление на 0")) } else { Ok(number) }
}

fn seconds(value: &Value) -> Res<i64> {
    value.integer()
}

fn binary(operator: Binary, left: &Value, right: &Value) -> Res<Value> {
    match operator {
        Binary::Add => match (left, right) {
            (Value::Str(one), other) => {
                let other = other.text();
                if one.len() + other.len() > LONGEST_TEXT {
                    return Err(Failure::new("Строка слишком велика"));
                }
                let mut text = String::with_capacity(one.len() + other.len());
                text.push_str(one);
                text.push_str(&other);
                Ok(Value::Str(text.into()))
            }
            (Value::Date(date), other) => {
                date.plus(seconds(other)?).map(Value::Date).ok_or_else(|| Failure::new("Неправильное значение даты"))
            }
            _ => left.number()?.checked_add(right.number()?).map(Value::Number).ok_or_else(overflow),
        },
        Binary::Subtract => match (left, right) {
            (Value::Date(one), Value::Date(other)) => Ok(Value::int(one.seconds() - other.seconds())),
            (Value::Date(date), other) => seconds(other)?
                .checked_neg()
                .and_then(|back| date.plus(back))
                .map(Value::Date)
                .ok_or_else(|| Failure::new("Неправильное значение даты")),
            _ => left.number()?.checked_sub(right.number()?).map(Value::Number).ok_or_else(overflow),
        },
        Binary::Multiply => left.number()?.checked_mul(right.number()?).map(Value::Number).ok_or_else(overflow),
        Binary::Divide => left.number()?.checked_div(divisor(right)?).map(Value::Number).ok_or_else(overflow),
        Binary::Remainder => left.number()?.checked_rem(divisor(right)?).map(Value::Number).ok_or_else(overflow),
        Binary::Equal => Ok(Value::Bool(left.same(right))),
        Binary::NotEqual => Ok(Value::Bool(!left.same(right))),
        Binary::Less => Ok(Value::Bool(left.order(right)?.is_lt())),
        Binary::LessOrEqual => Ok(Value::Bool(left.order(right)?.is_le())),
        Binary::Greater => Ok(Value::Bool(left.order(right)?.is_gt())),
        Binary::GreaterOrEqual => Ok(Value::Bool(left.order(right)?.is_ge())),
    }
}
