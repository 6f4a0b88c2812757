// The component's members as a C++ programmer would write them, for the price of a call: `Version` can be read, and
// `UpdateCard` refuses an empty card id by a BSL exception. The rest is there to be looked up. VERSION_TEXT is the version.
#include "native_api.h"
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Text = std::u16string_view;

struct Names { Text english, russian; };

constexpr Names properties[] = {
    {u"Token", u"Токен"}, {u"TemplateId", u"ИдентификаторШаблона"}, {u"ServerUrl", u"АдресСервера"},
    {u"Timeout", u"Таймаут"}, {u"Retries", u"Повторы"}, {u"Proxy", u"Прокси"},
    {u"CertificateFile", u"ФайлСертификатов"}, {u"LogFile", u"ФайлЖурнала"}, {u"CardId", u"ИдентификаторКарты"},
    {u"CardUrl", u"СсылкаНаКарту"}, {u"Installed", u"Установлена"}, {u"Code", u"КодОтвета"},
    {u"ErrorKind", u"ВидОшибки"}, {u"ErrorDescription", u"ОписаниеОшибки"}, {u"Response", u"Ответ"},
    {u"Result", u"Результат"}, {u"Version", u"Версия"},
};
constexpr long PROPERTY_COUNT = std::size(properties), TOKEN = 0, CARD_ID = 8, VERSION = 16;

struct Method { Names names; long required, parameters; bool returns; };

constexpr Method methods[] = {
    {{u"SetValue", u"УстановитьЗначение"}, 2, 2, false}, {{u"ClearValues", u"ОчиститьЗначения"}, 0, 0, false},
    {{u"CreateCard", u"СоздатьКарту"}, 0, 1, true}, {{u"UpdateCard", u"ОбновитьКарту"}, 1, 2, true},
    {{u"UpdateCards", u"ОбновитьКарты"}, 1, 3, true}, {{u"CallMethod", u"ВызватьМетод"}, 1, 2, true},
};
constexpr long METHOD_COUNT = std::size(methods), UPDATE_CARD = 3;

char16_t lower(char16_t unit) {
    if (unit < 0x80) return unit >= u'A' && unit <= u'Z' ? unit + 0x20 : unit;
    if (unit >= u'А' && unit <= u'Я') return unit + 0x20;
    return unit == u'Ё' ? u'ё' : unit;
}

bool same(Text one, Text other) {
    if (one.size() != other.size()) return false;
    for (size_t index = 0; index < one.size(); ++index)
        if (lower(one[index]) != lower(other[index])) return false;
    return true;
}

bool is(const Names &names, Text name) { return same(names.english, name) || same(names.russian, name); }

bool is_space(char16_t unit) { return unit == u' ' || (unit >= 0x09 && unit <= 0x0D) || unit == 0xA0; }

std::u16string both(const Names &names) {
    return std::u16string(names.russian).append(u" (").append(names.english).append(u")");
}

// A variant's own copy, because what the platform passes lives only as long as the call.
std::u16string read_text(const Variant &value) {
    return value.vt == VT_PWSTR && value.units ? std::u16string(value.units, value.unit_count) : std::u16string();
}

Text trim(Text text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

struct LastCall { std::u16string card_id, card_url, error_kind, error_description, response; };

class Component : public IComponent {
    IMemoryManager *memory = nullptr;
    IAddInDefBaseEx *connection = nullptr;
    std::mutex one_at_a_time;
    LastCall last;
    std::vector<std::u16string> collected;

public:
    bool Init(void *given) override {
        connection = static_cast<IAddInDefBaseEx *>(given);
        return connection;
    }
    bool setMemManager(void *given) override {
        memory = static_cast<IMemoryManager *>(given);
        return memory;
    }
    long GetInfo() override { return 2000; }
    void Done() override { connection = nullptr; }

    bool RegisterExtensionAs(char16_t **name) override { return (*name = copy(u"Passteam")) != nullptr; }
    long GetNProps() override { return PROPERTY_COUNT; }
    long FindProp(const char16_t *name) override {
        for (long index = 0; index < PROPERTY_COUNT; ++index)
            if (is(properties[index], name)) return index;
        return -1;
    }
    const char16_t *GetPropName(long index, long alias) override {
        if (index < 0 || index >= PROPERTY_COUNT || alias < 0 || alias > 1) return nullptr;
        return copy(alias ? properties[index].russian : properties[index].english);
    }
    bool GetPropVal(long index, Variant *value) override {
        std::lock_guard lock(one_at_a_time);
        return index == VERSION && give(value, VERSION_TEXT);
    }
    bool SetPropVal(long, Variant *) override { return false; }
    bool IsPropReadable(long index) override { return index > TOKEN && index < PROPERTY_COUNT; }
    bool IsPropWritable(long index) override { return index >= TOKEN && index < CARD_ID; }

    long GetNMethods() override { return METHOD_COUNT; }
    long FindMethod(const char16_t *name) override {
        for (long index = 0; index < METHOD_COUNT; ++index)
            if (is(methods[index].names, name)) return index;
        return -1;
    }
    const char16_t *GetMethodName(long index, long alias) override {
        if (index < 0 || index >= METHOD_COUNT || alias < 0 || alias > 1) return nullptr;
        return copy(alias ? methods[index].names.russian : methods[index].names.english);
    }
    long GetNParams(long index) override { return index < 0 || index >= METHOD_COUNT ? 0 : methods[index].parameters; }
    bool GetParamDefValue(long index, long parameter, Variant *value) override {
        value->vt = VT_EMPTY;
        if (index < 0 || index >= METHOD_COUNT) return false;
        return parameter >= methods[index].required && parameter < methods[index].parameters && give(value, u"");
    }
    bool HasRetVal(long index) override { return index >= 0 && index < METHOD_COUNT && methods[index].returns; }

    bool CallAsProc(long index, Variant *parameters, long count) override {
        Variant ignored = {};
        return CallAsFunc(index, &ignored, parameters, count);
    }
    bool CallAsFunc(long index, Variant *, Variant *parameters, long count) override {
        std::lock_guard lock(one_at_a_time);
        last = LastCall();
        collected.clear();
        if (index != UPDATE_CARD || count != methods[index].parameters) return false;
        std::u16string card_id = read_text(parameters[0]), values = read_text(parameters[1]);
        if (trim(card_id).empty())
            return refuse(u"Метод " + both(methods[index].names) + u", параметр 1 " + both(properties[CARD_ID]) +
                          u": значение не должно быть пустым.");
        return false;
    }

    void SetLocale(const char16_t *) override {}
    void SetUserInterfaceLanguageCode(const char16_t *) override {}

private:
    bool refuse(std::u16string text) {
        connection->AddError(1006, u"Passteam", text.c_str(), static_cast<long>(0x80004005));
        last.error_kind = u"Misuse";
        last.error_description = std::move(text);
        return false;
    }
    char16_t *copy(Text text) {
        void *block = nullptr;
        if (!memory || !memory->AllocMemory(&block, (text.size() + 1) * sizeof(char16_t))) return nullptr;
        auto units = static_cast<char16_t *>(block);
        std::memcpy(units, text.data(), text.size() * sizeof(char16_t));
        units[text.size()] = 0;
        return units;
    }
    bool give(Variant *value, Text text) {
        value->vt = VT_PWSTR;
        value->unit_count = text.size();
        return (value->units = copy(text)) != nullptr;
    }
};

} // namespace

extern "C" {

const char16_t *GetClassNames() { return u"Passteam"; }

long GetClassObject(const char16_t *name, IComponent **object) {
    if (Text(name) != u"Passteam") return 0;
    *object = new Component;
    return 1;
}

long DestroyObject(IComponent **object) {
    delete *object;
    *object = nullptr;
    return 0;
}

int SetPlatformCapabilities(int) { return 3; }

int GetAttachType() { return 3; }

}
