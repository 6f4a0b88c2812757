//! What a form's tables show: `ДанныеФормыКоллекция`, which a module fills, and `ДинамическийСписок`, which reads rows
//! of the base by itself.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::forms::{Attribute, ListSettings};
use super::session::Session;
use crate::collections::{Array, Structure, Table, position_of};
use crate::error::{self, Failure, Res};
use crate::host::Host;
use crate::object::{Args, Object};
use crate::types::TypeDescription;
use crate::value::{Name, Value};
use crate::vm::Vm;

/// A column of a collection: its name and the type of its values; nothing if it takes every value.
struct Column {
    name: Name,
    types: Option<Rc<TypeDescription>>,
}

/// `ДанныеФормыКоллекция`.
pub(super) struct Collection {
    columns: Rc<Vec<Column>>,
    rows: RefCell<Vec<Rc<Row>>>,
    next: Cell<i64>,
}

/// `ДанныеФормыЭлементКоллекции`.
struct Row {
    id: i64,
    columns: Rc<Vec<Column>>,
    cells: RefCell<Vec<Value>>,
}

/// The name in BSL of a type in a form's XML.
fn type_in_bsl(xml: &str) -> Option<Arc<str>> {
    let plain = match xml {
        "xs:string" => "Строка",
        "xs:boolean" => "Булево",
        "xs:decimal" => "Число",
        "xs:dateTime" => "Дата",
        other => return other.strip_prefix("cfg:CatalogRef.").map(|name| format!("СправочникСсылка.{name}").into()),
    };
    Some(plain.into())
}

impl Collection {
    /// An empty collection with these columns.
    pub fn of(columns: &[Attribute]) -> Value {
        let column = |one: &Attribute| Column {
            name: Name::new(&one.name),
            types: type_in_bsl(&one.first_type).map(|known| Rc::new(TypeDescription::of(vec![known]))),
        };
        let columns = Rc::new(columns.iter().map(column).collect());
        Value::object(Collection { columns, rows: RefCell::default(), next: Cell::new(0) })
    }

    /// The rows with what a table selects them by.
    pub fn rows(&self) -> Vec<(Value, Value)> {
        self.rows.borrow().iter().map(|row| (Value::int(row.id), Value::Object(row.clone()))).collect()
    }

    fn new_row(&self, vm: &mut Vm) -> Res<Rc<Row>> {
        let mut cells = Vec::new();
        for column in self.columns.iter() {
            cells.push(match &column.types {
                Some(types) => types.adjust(vm, Value::Undefined)?,
                None => Value::Undefined,
            });
        }
        let id = self.next.replace(self.next.get() + 1);
        Ok(Rc::new(Row { id, columns: self.columns.clone(), cells: RefCell::new(cells) }))
    }

    fn place(&self, value: &Value) -> Res<usize> {
        if let Value::Object(object) = value {
            return position_of(&self.rows.borrow(), object).ok_or_else(|| error::bad_argument_value(1));
        }
        let at = usize::try_from(value.integer()?).ok();
        at.filter(|at| *at < self.rows.borrow().len()).ok_or_else(error::out_of_bounds)
    }

    /// Replaces the rows by a table's; columns of the same name are copied.
    fn load(&self, vm: &mut Vm, table: &Value) -> Res<()> {
        let table = table.as_object::<Table>().ok_or_else(|| error::bad_argument(1))?;
        let names: Vec<_> = table.columns().all().iter().map(|column| column.name()).collect();
        let mut rows = Vec::new();
        for values in table.values() {
            let row = self.new_row(vm)?;
            for (name, value) in names.iter().zip(values) {
                if self.columns.iter().any(|column| column.name.key() == name.key()) {
                    row.set(vm, name, value)?;
                }
            }
            rows.push(row);
        }
        let old = self.rows.replace(rows);
        drop(old);
        Ok(())
    }

    fn unload(&self, vm: &mut Vm) -> Res<Value> {
        let table = Table::new();
        for column in self.columns.iter() {
            table.columns().add(vm, column.name.text(), column.types.clone())?;
        }
        for row in self.rows.borrow().iter() {
            let cells = row.cells.borrow().clone();
            table.add_row(vm, cells)?;
        }
        Ok(Value::object(table))
    }

    fn found(&self, vm: &mut Vm, filter: &Value) -> Res<Value> {
        let filter = filter.as_object::<Structure>().ok_or_else(|| error::bad_argument(1))?.fields();
        let mut found = Vec::new();
        for row in self.rows.borrow().iter() {
            let mut fits = true;
            for (name, wanted) in &filter {
                fits = fits && row.get(vm, &Name::new(name))?.same(wanted);
            }
            if fits {
                found.push(Value::Object(row.clone()));
            }
        }
        Ok(Array::value(found))
    }
}

impl Object for Collection {
    fn type_name(&self) -> Cow<'static, str> {
        "ДанныеФормыКоллекция".into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 0)?;
                let row = self.new_row(vm)?;
                self.rows.borrow_mut().push(row.clone());
                Ok(Value::Object(row))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.rows.borrow().len()))
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                self.index(vm, &arguments.value(0))
            }
            "индекс" | "indexof" => {
                arguments.count(1, 1)?;
                Ok(self.place(&arguments.value(0)).map_or(Value::int(-1), Value::count))
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = self.place(&arguments.value(0))?;
                self.rows.borrow_mut().remove(at);
                Ok(Value::Undefined)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.rows.take();
                drop(old);
                Ok(Value::Undefined)
            }
            "найтистроки" | "findrows" => {
                arguments.count(1, 1)?;
                self.found(vm, &arguments.value(0))
            }
            "найтипоидентификатору" | "findbyid" => {
                arguments.count(1, 1)?;
                let wanted = arguments.integer(0)?;
                let rows = self.rows.borrow();
                let found = rows.iter().find(|row| row.id == wanted);
                Ok(found.map_or(Value::Undefined, |row| Value::Object(row.clone())))
            }
            "загрузить" | "load" => {
                arguments.count(1, 1)?;
                self.load(vm, &arguments.value(0))?;
                Ok(Value::Undefined)
            }
            "выгрузить" | "unload" => {
                arguments.count(0, 0)?;
                self.unload(vm)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let at = self.place(key)?;
        Ok(Value::Object(self.rows.borrow()[at].clone()))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.rows.borrow().get(at).map(|row| Value::Object(row.clone())))
    }
}

impl Row {
    fn column(&self, name: &Name) -> Res<usize> {
        let found = self.columns.iter().position(|column| column.name.key() == name.key());
        found.ok_or_else(|| error::no_property(name.text()))
    }
}

impl Object for Row {
    fn type_name(&self) -> Cow<'static, str> {
        "ДанныеФормыЭлементКоллекции".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let at = self.column(name)?;
        Ok(self.cells.borrow()[at].clone())
    }

    fn set(&self, vm: &mut Vm, name: &Name, value: Value) -> Res<()> {
        let at = self.column(name)?;
        let value = match &self.columns[at].types {
            Some(types) => types.adjust(vm, value)?,
            None => value,
        };
        self.cells.borrow_mut()[at] = value;
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "получитьидентификатор" | "getid" => {
                arguments.count(0, 0)?;
                Ok(Value::int(self.id))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.columns.iter().map(|column| Arc::from(column.name.text())).collect())
    }
}

/// `ДинамическийСписок`.
pub(super) struct DynamicList {
    session: Session,
    settings: ListSettings,
    parameters: Rc<Parameters>,
}

impl DynamicList {
    /// The list that a form's XML declares.
    pub fn of(session: &Session, settings: Option<&ListSettings>) -> Value {
        Value::object(DynamicList {
            session: session.clone(),
            settings: settings.cloned().unwrap_or_default(),
            parameters: Rc::default(),
        })
    }

    /// The rows that the list shows now, each with the key of its record.
    pub fn rows(&self, vm: &mut Vm) -> Res<Vec<(Value, Value)>> {
        let table = self.settings.main_table.replacen("InformationRegister", "РегистрСведений", 1);
        let text = match self.settings.query.as_str() {
            "" => format!("ВЫБРАТЬ * ИЗ {table} КАК Таблица"),
            own => own.to_owned(),
        };
        let query = Host::create(&self.session, vm, &Name::new("Запрос"), &mut Args::new(vec![Some(text.into())]))?;
        let query = query.unwrap_or_default();
        for (name, value) in self.parameters.0.borrow().iter() {
            let mut given = Args::new(vec![Some(Value::str(name)), Some(value.clone())]);
            vm.call_member(&query, &Name::new("УстановитьПараметр"), &mut given)?;
        }
        let result = vm.call_member(&query, &Name::new("Выполнить"), &mut Args::default())?;
        let table = vm.call_member(&result, &Name::new("Выгрузить"), &mut Args::default())?;
        let table = table.as_object::<Table>().ok_or_else(|| error::bad_argument(1))?;
        let names: Vec<_> = table.columns().all().iter().map(|column| column.name().text().to_owned()).collect();
        let mut rows = Vec::new();
        for values in table.values() {
            let fields = names.iter().map(String::as_str).zip(values);
            let row = Structure::of(fields);
            rows.push((self.key(vm, &row)?, Value::object(row)));
        }
        Ok(rows)
    }

    /// The key of a row's record: the dimensions of the main table.
    fn key(&self, vm: &mut Vm, row: &Structure) -> Res<Value> {
        let known = self.session.metadata().find(&self.settings.main_table);
        let known = known.ok_or_else(|| Failure::new("У динамического списка нет основной таблицы"))?;
        let dimensions = Structure::new();
        for (name, value) in row.fields() {
            let of_key = known.table.fields.iter().any(|field| {
                field.role == infobase::metadata::Role::Dimension && field.name.to_lowercase() == name.to_lowercase()
            });
            if of_key {
                dimensions.put(&Name::new(&name), value);
            }
        }
        let manager = self.session.path(vm, &format!("РегистрыСведений.{}", known.name))?;
        let mut given = Args::new(vec![Some(Value::object(dimensions))]);
        vm.call_member(&manager, &Name::new("СоздатьКлючЗаписи"), &mut given)
    }
}

impl Object for DynamicList {
    fn type_name(&self) -> Cow<'static, str> {
        "ДинамическийСписок".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "параметры" | "parameters" => Ok(Value::Object(self.parameters.clone())),
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// The parameters of a list's query.
#[derive(Default)]
struct Parameters(RefCell<Vec<(String, Value)>>);

impl Object for Parameters {
    fn type_name(&self) -> Cow<'static, str> {
        "ЗначенияПараметровДанныхКомпоновкиДанных".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установитьзначениепараметра" | "setparametervalue" => {
                arguments.count(2, 2)?;
                let own = arguments.string(0)?.to_string();
                let mut parameters = self.0.borrow_mut();
                parameters.retain(|(known, _)| *known != own);
                parameters.push((own, arguments.value(1)));
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
