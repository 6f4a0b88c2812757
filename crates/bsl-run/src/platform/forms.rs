//! Forms: attributes, elements and the procedures of the module, those of the server and, through
//! [`Session::press`] and the like, those of the client. There is no screen, so elements only keep what they are given.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use infobase::Right;
use infobase::metadata::Kind;
use roxmltree::{Document, Node};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::lists::{Collection, DynamicList};
use super::session::Session;
use crate::collections::{Array, ValueList};
use crate::date::Date;
use crate::error::{self, Failure, Res};
use crate::host::Host;
use crate::misc::UniqueId;
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// An attribute, a column of one or a parameter as the form's XML declares it: its name and the first of its types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attribute {
    pub name: String,
    pub first_type: String,
    pub columns: Vec<Attribute>,
    pub list: Option<ListSettings>,
}

/// Where a dynamic list reads its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ListSettings {
    pub query: String,
    pub main_table: String,
}

/// An element of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ItemShape {
    pub name: String,
    /// What it is: `InputField`, `Table`.
    pub kind: String,
    pub data_path: String,
    /// The group or page around it.
    pub parent: Option<String>,
    pub visible: bool,
    /// The command that a button runs.
    pub command: String,
    /// The procedures that handle its events, by the event's English name.
    pub events: BTreeMap<String, String>,
}

/// What a form's XML declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub attributes: Vec<Attribute>,
    pub parameters: Vec<Attribute>,
    pub items: Vec<ItemShape>,
    /// The procedures that commands run, by the command's name.
    pub commands: BTreeMap<String, String>,
    /// The procedures that handle the form's own events.
    pub events: BTreeMap<String, String>,
}

impl Shape {
    /// Reads a form's XML; what is no XML declares nothing.
    pub fn of(xml: &str) -> Shape {
        let Ok(document) = Document::parse(xml) else { return Shape::default() };
        let root = document.root_element();
        let mut shape = Shape {
            attributes: declared(root, "Attributes"),
            parameters: declared(root, "Parameters"),
            events: events_of(root),
            ..Shape::default()
        };
        for command in parts(root, "Commands") {
            let name = command.attribute("name").unwrap_or_default();
            shape.commands.insert(name.to_owned(), text_of(command, "Action"));
        }
        for part in ["AutoCommandBar", "ChildItems"].iter().filter_map(|part| child(root, part)) {
            shape.add_items(part, None);
        }
        shape
    }

    fn add_items(&mut self, node: Node<'_, '_>, parent: Option<&str>) {
        for inner in node.children().filter(Node::is_element) {
            let Some(name) = inner.attribute("name").filter(|_| inner.attribute("id").is_some()) else {
                self.add_items(inner, parent);
                continue;
            };
            self.items.push(ItemShape {
                name: name.to_owned(),
                kind: inner.tag_name().name().to_owned(),
                data_path: text_of(inner, "DataPath"),
                parent: parent.map(str::to_owned),
                visible: text_of(inner, "Visible") != "false",
                command: text_of(inner, "CommandName"),
                events: events_of(inner),
            });
            self.add_items(inner, Some(name));
        }
    }

    /// Whether the form's module may use this property.
    pub fn is_property(&self, key: &str) -> bool {
        let own = ["уникальныйидентификатор", "uuid", "параметры", "parameters", "элементы", "items"];
        own.contains(&key) || self.attributes.iter().any(|attribute| attribute.name.to_lowercase() == key)
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn parts<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    child(node, name).into_iter().flat_map(|part| part.children().filter(Node::is_element))
}

fn text_of(node: Node<'_, '_>, name: &str) -> String {
    child(node, name).and_then(|part| part.text()).unwrap_or_default().to_owned()
}

fn events_of(node: Node<'_, '_>) -> BTreeMap<String, String> {
    let entry = |event: Node<'_, '_>| Some((event.attribute("name")?.to_owned(), event.text()?.to_owned()));
    parts(node, "Events").filter_map(entry).collect()
}

fn declared(node: Node<'_, '_>, part: &str) -> Vec<Attribute> {
    let entry = |entry: Node<'_, '_>| Attribute {
        name: entry.attribute("name").unwrap_or_default().to_owned(),
        first_type: child(entry, "Type").map(|types| text_of(types, "Type")).unwrap_or_default(),
        columns: declared(entry, "Columns"),
        list: child(entry, "Settings").map(|settings| ListSettings {
            query: text_of(settings, "QueryText"),
            main_table: text_of(settings, "MainTable"),
        }),
    };
    parts(node, part).map(entry).collect()
}

/// `Элементы`, or `Параметры`: names that the form declares, each with its value.
struct Named {
    type_name: &'static str,
    values: IndexMap<String, (Arc<str>, Value)>,
}

impl Object for Named {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let known = self.values.get(name.key()).map(|(_, value)| value.clone());
        known.ok_or_else(|| error::no_property(name.text()))
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.values.values().map(|(name, _)| name.clone()).collect())
    }
}

/// An element of the form: there is no screen, so its properties only keep what they are given.
pub(super) struct Item {
    shape: ItemShape,
    /// What a table shows: a collection or a dynamic list.
    rows: Option<Value>,
    kept: RefCell<BTreeMap<&'static str, Value>>,
    /// The rows that the person has selected.
    selected: RefCell<Vec<Selected>>,
}

/// A row that the person has selected.
struct Selected {
    /// What `ВыделенныеСтроки` holds for it.
    key: Value,
    data: Value,
}

/// Properties of elements, Russian and English, and of which kind; of no kind: of all.
const ITEM_PROPERTIES: [(&str, &str, &str); 11] = [
    ("видимость", "visible", ""),
    ("доступность", "enabled", ""),
    ("толькопросмотр", "readonly", ""),
    ("заголовок", "title", ""),
    ("подсказка", "tooltip", ""),
    ("подсказкаввода", "inputhint", "InputField"),
    ("списоквыбора", "choicelist", "InputField"),
    ("текущаястраница", "currentpage", "Pages"),
    ("текущиеданные", "currentdata", "Table"),
    ("текущаястрока", "currentrow", "Table"),
    ("выделенныестроки", "selectedrows", "Table"),
];

impl Item {
    fn of(shape: &ItemShape, rows: Option<Value>) -> Value {
        Value::object(Item { shape: shape.clone(), rows, kept: RefCell::default(), selected: RefCell::default() })
    }

    fn property(&self, name: &Name) -> Res<&'static str> {
        let fits = |kind: &str| kind.is_empty() || kind == self.shape.kind;
        let known = ITEM_PROPERTIES
            .iter()
            .find(|(russian, english, kind)| [*russian, *english].contains(&name.key()) && fits(kind));
        known.map(|(russian, ..)| *russian).ok_or_else(|| error::no_property(name.text()))
    }

    fn is_visible(&self) -> Res<bool> {
        let visible = self.kept.borrow().get("видимость").cloned();
        visible.map_or(Ok(self.shape.visible), |visible| visible.truth())
    }

    fn is_enabled(&self) -> Res<bool> {
        let enabled = self.kept.borrow().get("доступность").cloned();
        enabled.map_or(Ok(true), |enabled| enabled.truth())
    }
}

impl Object for Item {
    fn type_name(&self) -> Cow<'static, str> {
        match self.shape.kind.as_str() {
            "Table" => "ТаблицаФормы",
            "Button" => "КнопкаФормы",
            "UsualGroup" | "Page" | "Pages" => "ГруппаФормы",
            _ => "ПолеФормы",
        }
        .into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        if matches!(name.key(), "имя" | "name") {
            return Ok(Value::str(&self.shape.name));
        }
        let property = self.property(name)?;
        let selected = self.selected.borrow();
        match property {
            "текущиеданные" => {
                return Ok(selected.first().map_or(Value::Undefined, |row| row.data.clone()));
            }
            "текущаястрока" => {
                return Ok(selected.first().map_or(Value::Undefined, |row| row.key.clone()));
            }
            "выделенныестроки" => {
                return Ok(Array::value(selected.iter().map(|row| row.key.clone()).collect()));
            }
            _ => {}
        }
        let mut kept = self.kept.borrow_mut();
        let started = || match property {
            "видимость" => Value::Bool(self.shape.visible),
            "доступность" => Value::Bool(true),
            "толькопросмотр" => Value::Bool(false),
            "списоквыбора" => Value::object(ValueList::new()),
            "текущаястраница" => Value::Undefined,
            _ => Value::str(""),
        };
        Ok(kept.entry(property).or_insert_with(started).clone())
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        let property = self.property(name)?;
        if matches!(property, "списоквыбора" | "текущиеданные" | "выделенныестроки" | "текущаястрока")
        {
            return Err(error::read_only(name.text()));
        }
        self.kept.borrow_mut().insert(property, value);
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "обновить" | "refresh" if self.shape.kind == "Table" => {
                arguments.count(0, 0)?;
                Ok(Value::Undefined)
            }
            "данныестроки" | "rowdata" if self.shape.kind == "Table" => {
                arguments.count(1, 1)?;
                let wanted = arguments.value(0);
                let selected = self.selected.borrow();
                let found = selected.iter().find(|row| row.key.same(&wanted));
                Ok(found.map_or(Value::Undefined, |row| row.data.clone()))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

pub(super) struct Form {
    full: String,
    id: Uuid,
    session: Session,
    shape: Arc<Shape>,
    parameters: Value,
    items: Value,
    attributes: RefCell<IndexMap<String, (Arc<str>, Value)>>,
    module: Rc<Instance>,
    /// The procedures that run on the client.
    client: Option<Result<Rc<Instance>, String>>,
    /// The procedures that `ПодключитьОбработчикОжидания` has named.
    waiting: RefCell<Vec<String>>,
    closed: Cell<bool>,
}

impl Drop for Form {
    fn drop(&mut self) {
        // Closing a form releases what it has locked; a session that was ended holds nothing.
        let id = self.id;
        let _ = self.session.ask(|base, session| {
            base.close_form(session, id);
            Ok(())
        });
    }
}

impl Object for Form {
    fn type_name(&self) -> Cow<'static, str> {
        "ФормаКлиентскогоПриложения".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "уникальныйидентификатор" | "uuid" => return Ok(Value::object(UniqueId(self.id))),
            "параметры" | "parameters" => return Ok(self.parameters.clone()),
            "элементы" | "items" => return Ok(self.items.clone()),
            _ => {}
        }
        let attributes = self.attributes.borrow();
        attributes.get(name.key()).map(|(_, value)| value.clone()).ok_or_else(|| error::no_property(name.text()))
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match self.attributes.borrow_mut().get_mut(name.key()) {
            Some((_, attribute)) if is_rows(attribute) => Err(error::read_only(name.text())),
            Some((_, attribute)) => {
                *attribute = value;
                Ok(())
            }
            None => Err(error::no_property(name.text())),
        }
    }

    fn call_on(&self, vm: &mut Vm, this: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "закрыть" | "close" => {
                self.closed.set(true);
                return Ok(Value::Undefined);
            }
            "открыта" | "isopen" => return Ok(Value::Bool(!self.closed.get())),
            "подключитьобработчикожидания" | "attachidlehandler" => {
                arguments.count(2, 3)?;
                let handler = arguments.string(0)?.to_string();
                let mut waiting = self.waiting.borrow_mut();
                waiting.retain(|known| *known != handler);
                waiting.push(handler);
                return Ok(Value::Undefined);
            }
            "отключитьобработчикожидания" | "detachidlehandler" => {
                arguments.count(1, 1)?;
                let handler = arguments.string(0)?;
                self.waiting.borrow_mut().retain(|known| *known != *handler);
                return Ok(Value::Undefined);
            }
            _ => {}
        }
        // The client's part of the module calls the server's.
        let mut given: Vec<Value> = (0..arguments.len()).map(|at| arguments.value(at)).collect();
        while given.last().is_some() && arguments.get(given.len() - 1).is_none() {
            given.pop();
        }
        self.session.entered(&self.module, name.text());
        vm.call_method(&self.module, Some(this), name.text(), &mut given)
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("form {} {}", self.full, self.id))
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.attributes.borrow().values().map(|(name, _)| name.clone()).collect())
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(Some(self.module.clone()))
    }
}

impl Session {
    /// Opens a form as far as the server sees it: `Обработка.Х.Форма.Имя`. Nothing is opened if `ПриСозданииНаСервере`
    /// refuses, or for whom no role lets use the data processor.
    ///
    /// # Errors
    /// If there is no such form, or what the procedure raises.
    pub fn open_form(&self, vm: &mut Vm, full: &str) -> Res<Option<Value>> {
        self.open_form_with(vm, full, &[])
    }

    /// The same with parameters, which the form must declare.
    ///
    /// # Errors
    /// If there is no such form or parameter, or what the procedure raises.
    pub fn open_form_with(&self, vm: &mut Vm, full: &str, parameters: &[(&str, Value)]) -> Res<Option<Value>> {
        let key = full.to_lowercase();
        let missing = || Failure::new(format!("Форма не найдена ({full})"));
        let module = self.object_code(&key).map(Instance::new).ok_or_else(missing)?;
        let shape = self.shop().forms.get(&key).cloned().ok_or_else(missing)?;
        if !self.may_use(full)? {
            return Ok(None);
        }
        let attributes = self.started(vm, &shape.attributes)?;
        let mut given = self.started(vm, &shape.parameters)?;
        for (name, value) in parameters {
            let known = given.get_mut(&name.to_lowercase());
            known.ok_or_else(|| error::no_property(name))?.1 = value.clone();
        }
        let rows = |item: &ItemShape| attributes.get(&item.data_path.to_lowercase()).map(|(_, value)| value.clone());
        let item = |item: &ItemShape| {
            let rows = if item.kind == "Table" { rows(item) } else { None };
            (item.name.to_lowercase(), (Arc::from(item.name.as_str()), Item::of(item, rows)))
        };
        let items = shape.items.iter().map(item).collect();
        let form = Value::object(Form {
            full: full.to_owned(),
            id: vm.surroundings().new_uuid(),
            session: self.clone(),
            shape: shape.clone(),
            parameters: Value::object(Named { type_name: "ДанныеФормыСтруктура", values: given }),
            items: Value::object(Named { type_name: "ВсеЭлементыФормы", values: items }),
            attributes: RefCell::new(attributes),
            module: module.clone(),
            client: self.shop().client.get(&key).map(|code| code.clone().map(Instance::new)),
            waiting: RefCell::default(),
            closed: Cell::new(false),
        });
        vm.initialize(&module, Some(&form))?;
        if let Some(handler) = shape.events.get("OnCreateAtServer") {
            let mut arguments = [Value::Bool(false), Value::Bool(true)];
            vm.call_method(&module, Some(&form), handler, &mut arguments)?;
            if arguments[0].truth()? {
                return Ok(None);
            }
        }
        Ok(Some(form))
    }

    /// Whether a role lets the user use the data processor of a form.
    fn may_use(&self, full: &str) -> Res<bool> {
        let object = full.split('.').take(2).collect::<Vec<_>>().join(".");
        let Some(known) = self.metadata().find(&object).filter(|known| known.kind == Kind::DataProcessor) else {
            return Ok(true);
        };
        let known = known.full_name();
        self.ask(|base, id| Ok(base.user(id)?.may(&known, Right::Read)))
    }

    /// What attributes or parameters hold before anything is set.
    fn started(&self, vm: &mut Vm, declared: &[Attribute]) -> Res<IndexMap<String, (Arc<str>, Value)>> {
        let mut values = IndexMap::new();
        for attribute in declared {
            let value = match attribute.first_type.as_str() {
                "xs:string" => Value::str(""),
                "xs:boolean" => Value::Bool(false),
                "xs:decimal" => Value::Number(Decimal::ZERO),
                "xs:dateTime" => Value::Date(Date::EMPTY),
                "v8:ValueTable" => Collection::of(&attribute.columns),
                "cfg:DynamicList" => DynamicList::of(self, attribute.list.as_ref()),
                other => self.default_value(vm, other.split_once(':').map_or(other, |(_, name)| name))?,
            };
            values.insert(attribute.name.to_lowercase(), (Arc::from(attribute.name.as_str()), value));
        }
        Ok(values)
    }

    /// Calls a procedure of a form's module that runs on the server, as the form's client part does.
    ///
    /// # Errors
    /// What it raises, or if the server has no such procedure.
    pub fn call_form(&self, vm: &mut Vm, form: &Value, method: &str, arguments: &mut [Value]) -> Res<Value> {
        let own = form.as_object::<Form>().ok_or_else(|| error::bad_argument(1))?;
        let module = own.module.clone();
        self.entered(&module, method);
        vm.call_method(&module, Some(form), method, arguments)
    }

    /// The form whose value this is.
    pub(super) fn form<'v>(&self, form: &'v Value) -> Res<&'v Form> {
        form.as_object::<Form>().ok_or_else(|| error::bad_argument(1))
    }

    /// The person selects the rows of a table whose column has these values, as far as the table shows them.
    ///
    /// # Errors
    /// If the form has no such table, or it shows none of the rows.
    pub fn select_rows(&self, vm: &mut Vm, form: &Value, table: &str, column: &str, wanted: &[&str]) -> Res<()> {
        let items = self.form(form)?.items.clone();
        let item = vm.get_member(&items, &Name::new(table))?;
        let item = item.as_object::<Item>().ok_or_else(|| error::bad_argument(2))?;
        let rows = item.rows.clone().unwrap_or_default();
        let shown = match (rows.as_object::<DynamicList>(), rows.as_object::<Collection>()) {
            (Some(list), _) => list.rows(vm)?,
            (_, Some(collection)) => collection.rows(),
            _ => return Err(error::bad_argument(2)),
        };
        let mut selected = Vec::new();
        for text in wanted {
            let mut found = None;
            for (key, data) in &shown {
                if vm.get_member(data, &Name::new(column))?.text().trim() == *text {
                    found = Some(Selected { key: key.clone(), data: data.clone() });
                }
            }
            selected.push(found.ok_or_else(|| Failure::new(format!("Строки нет в таблице ({text})")))?);
        }
        *item.selected.borrow_mut() = selected;
        Ok(())
    }

    /// The texts of a column of a form's table, in the order of its rows.
    ///
    /// # Errors
    /// If the form has no such table or column, or what the list's query raises.
    pub fn column(&self, vm: &mut Vm, form: &Value, table: &str, column: &str) -> Res<Vec<String>> {
        let rows = vm.get_member(form, &Name::new(table))?;
        let shown = match (rows.as_object::<DynamicList>(), rows.as_object::<Collection>()) {
            (Some(list), _) => list.rows(vm)?,
            (_, Some(collection)) => collection.rows(),
            _ => return Err(error::bad_argument(2)),
        };
        let text = |(_, data): &(Value, Value)| Ok(vm.get_member(data, &Name::new(column))?.text().to_string());
        shown.iter().map(text).collect()
    }
}

impl Form {
    /// The procedure of the client that a command runs. The person sees a button for it and may press it.
    pub fn action(&self, vm: &mut Vm, command: &str) -> Res<String> {
        let action = self.shape.commands.get(command);
        let action = action.ok_or_else(|| Failure::new(format!("Команда не найдена ({command})")))?;
        let name = format!("Form.Command.{command}");
        for button in self.shape.items.iter().filter(|item| item.command == name) {
            if self.is_reachable(vm, button)? {
                return Ok(action.clone());
            }
        }
        Err(Failure::new(format!("Кнопка команды не видна или недоступна ({command})")))
    }

    /// The procedure that handles an event of an element, or the form's own if the element has no name.
    pub fn handler(&self, vm: &mut Vm, item: &str, event: &str) -> Res<String> {
        let missing = || Failure::new(format!("Нет обработчика события ({item} {event})"));
        if item.is_empty() {
            return self.shape.events.get(event).cloned().ok_or_else(missing);
        }
        let shape = self.shape.items.iter().find(|known| known.name == item).ok_or_else(missing)?;
        if !self.is_reachable(vm, shape)? {
            return Err(Failure::new(format!("Элемент не виден или недоступен ({item})")));
        }
        shape.events.get(event).cloned().ok_or_else(missing)
    }

    /// Whether a person sees an element and may use it: with everything around it.
    fn is_reachable(&self, vm: &mut Vm, item: &ItemShape) -> Res<bool> {
        let mut next = Some(item.name.as_str());
        while let Some(name) = next {
            let own = vm.get_member(&self.items, &Name::new(name))?;
            if let Some(own) = own.as_object::<Item>()
                && !(own.is_visible()? && own.is_enabled()?)
            {
                return Ok(false);
            }
            let shape = self.shape.items.iter().find(|known| known.name == name);
            next = shape.and_then(|shape| shape.parent.as_deref());
        }
        Ok(true)
    }

    /// The client's part of the module.
    pub fn client(&self) -> Res<Rc<Instance>> {
        let client = self.client.clone().unwrap_or_else(|| Err(format!("У формы нет модуля ({})", self.full)));
        client.map_err(Failure::new)
    }

    /// Takes the procedures that wait for their time.
    pub fn due(&self) -> Vec<String> {
        self.waiting.take()
    }
}

/// Whether a value is the rows of a table, which a module fills and does not replace.
fn is_rows(value: &Value) -> bool {
    value.as_object::<Collection>().is_some() || value.as_object::<DynamicList>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<Form xmlns:v8=\"v8\"><Events><Event name=\"OnOpen\">ПриОткрытии</Event></Events>\
        <ChildItems><Page name=\"Страница\" id=\"6\"><Visible>false</Visible><ChildItems>\
        <Table name=\"Поле\" id=\"7\"><DataPath>Строки</DataPath>\
        <Events><Event name=\"Selection\">Выбор</Event></Events></Table></ChildItems></Page></ChildItems>\
        <Attributes><Attribute name=\"Токен\" id=\"1\"><Type><v8:Type>xs:string</v8:Type></Type></Attribute>\
        <Attribute name=\"Строки\" id=\"2\"><Columns><Column name=\"Имя\" id=\"1\"/></Columns></Attribute></Attributes>\
        <Commands><Command name=\"Записать\" id=\"1\"><Action>ЗаписатьВсе</Action></Command></Commands></Form>";

    #[test]
    fn a_shape_is_what_the_xml_declares() {
        let found = Shape::of(XML);
        let seen: Vec<_> = found.attributes.iter().map(|one| (one.name.as_str(), one.first_type.as_str())).collect();
        assert_eq!(seen, [("Токен", "xs:string"), ("Строки", "")]);
        assert_eq!(found.attributes[1].columns[0].name, "Имя");
        let [page, table] = &found.items[..] else { panic!("{:?}", found.items) };
        assert!(!page.visible && table.visible);
        assert_eq!((table.parent.as_deref(), table.data_path.as_str()), (Some("Страница"), "Строки"));
        assert_eq!(table.events["Selection"], "Выбор");
        assert_eq!(
            (found.events["OnOpen"].as_str(), found.commands["Записать"].as_str()),
            ("ПриОткрытии", "ЗаписатьВсе")
        );
    }
}
