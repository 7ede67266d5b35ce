/* The schema and the README against the parser's own table of keys. Runs from the project's root. */
#include "scenario_fixture.h"

/* The schema against the table: the same keys, kinds, limits and defaults. */

static json_object *resolved(json_object *schema, json_object *node)
{
    const char *reference = scenario_word(node, "$ref");
    if (!reference)
        return node;
    assert_memory_equal(reference, "#/$defs/", 8);
    return scenario_member(scenario_member(schema, "$defs"), reference + 8);
}

static void compare_keys(json_object *schema, const struct scenario_keys *keys, json_object *node);

static void compare_numbers(const struct scenario_key *key, json_object *node)
{
    bool whole = key->kind == KEY_WHOLE || key->kind == KEY_WHOLE64;
    json_object *preset = scenario_member(node, "default");
    assert_string_equal(scenario_word(node, "type"), whole ? "integer" : "number");
    assert_float_equal(json_object_get_double(scenario_member(node, "minimum")), key->min, 0);
    assert_float_equal(json_object_get_double(scenario_member(node, "maximum")), key->max, 0);
    if (preset)
        assert_float_equal(json_object_get_double(preset), key->preset, 0);
    else
        assert_true(key->required || key->preset == 0 || key->preset != key->preset);
}

static void compare_key(json_object *schema, const struct scenario_key *key, json_object *unresolved);

/* "anyOf": the simple form, then the object. */
static void compare_either(json_object *schema, const struct scenario_key *key, json_object *node)
{
    json_object *forms = scenario_member(node, "anyOf"), *preset = scenario_member(node, "default");
    assert_int_equal(json_object_array_length(forms), 2);
    json_object *simple = resolved(schema, json_object_array_get_idx(forms, 0));
    struct scenario_key inner = key->kind == KEY_BOTH_WAYS ? key->children->at[0] : *key;
    if (key->kind == KEY_NUMBER_OR)
        inner = (struct scenario_key){.name = key->name, .kind = KEY_NUMBER, .min = key->min, .max = key->max};
    if (preset)
        assert_float_equal(json_object_get_double(preset), key->preset, 0);
    else
        assert_true(key->preset == 0);
    if (inner.kind == KEY_NUMBER || inner.kind == KEY_WHOLE)
        compare_numbers(&inner, simple);
    else if (key->kind == KEY_WORD_OR)
        assert_non_null(scenario_member(simple, "enum"));
    else if (inner.kind == KEY_OBJECT)
        compare_keys(schema, inner.children, simple);
    else
        compare_either(schema, &inner, simple);
    compare_keys(schema, key->children, resolved(schema, json_object_array_get_idx(forms, 1)));
}

static void compare_entries(json_object *schema, const struct scenario_key *key, json_object *node)
{
    const char *part = key->kind == KEY_LIST ? "items" : "additionalProperties";
    json_object *least = scenario_member(node, key->kind == KEY_LIST ? "minItems" : "minProperties");
    json_object *most = scenario_member(node, key->kind == KEY_LIST ? "maxItems" : "maxProperties");
    if (!key->name_at) {
        assert_float_equal(json_object_get_double(least), key->min, 0);
        assert_float_equal(json_object_get_double(most), key->max, 0);
        compare_keys(schema, key->children, resolved(schema, scenario_member(node, part)));
        return;
    }
    json_object *names = scenario_member(node, "properties");
    int count = 0;
    for (; key->name_at(count); count++)
        compare_keys(schema, key->children, resolved(schema, scenario_member(names, key->name_at(count))));
    assert_int_equal(count, json_object_object_length(names));
}

static bool has_text_form(enum scenario_key_kind kind)
{
    return kind == KEY_PATH || kind == KEY_TEXT;
}

static void compare_texts(const struct scenario_key *key, json_object *node)
{
    json_object *longest = scenario_member(scenario_member(node, "items"), "maxLength");
    assert_float_equal(json_object_get_double(scenario_member(node, "minItems")), key->min, 0);
    assert_float_equal(json_object_get_double(scenario_member(node, "maxItems")), key->max, 0);
    assert_float_equal(json_object_get_double(longest), SCENARIO_TEXTS_BYTES_MAX, 0);
}

static void compare_key(json_object *schema, const struct scenario_key *key, json_object *unresolved)
{
    json_object *node = resolved(schema, unresolved);
    if (!node)
        fail_msg("the schema lacks %s", key->name);
    if (key->kind == KEY_NUMBER || key->kind == KEY_WHOLE || key->kind == KEY_WHOLE64 ||
        key->kind == KEY_MS || key->kind == KEY_SECONDS)
        compare_numbers(key, node);
    if (key->kind == KEY_BOTH_WAYS || key->kind == KEY_NUMBER_OR || key->kind == KEY_WORD_OR)
        compare_either(schema, key, node);
    if (key->kind == KEY_OBJECT)
        compare_keys(schema, key->children, node);
    if (key->kind == KEY_MAP || key->kind == KEY_LIST)
        compare_entries(schema, key, node);
    if (key->kind == KEY_TEXTS)
        compare_texts(key, node);
    if (has_text_form(key->kind))
        assert_float_equal(json_object_get_double(scenario_member(node, "maxLength")), key->max, 0);
    assert_non_null(key->help);
    assert_non_null(scenario_member(unresolved, "description"));
}

static void compare_keys(json_object *schema, const struct scenario_keys *keys, json_object *node)
{
    json_object *properties = scenario_member(node, "properties"),
                *required = scenario_member(node, "required");
    size_t required_count = 0;
    assert_false(json_object_get_boolean(scenario_member(node, "additionalProperties")));
    assert_non_null(properties);
    json_object_object_foreach(properties, name, value)
    {
        const struct scenario_key *key = scenario_key_of(keys, name, strlen(name));
        if (!key)
            fail_msg("the parser does not know %s", name);
        compare_key(schema, key, value);
        required_count += key->required;
    }
    assert_int_equal(json_object_object_length(properties), keys->count);
    assert_int_equal(required ? json_object_array_length(required) : 0, required_count);
    for (size_t i = 0; i < required_count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(required, i));
        assert_true(scenario_key_of(keys, name, strlen(name))->required);
    }
}

static void compare_choices(json_object *properties, const char *name, bool (*known)(const char *name))
{
    json_object *list = scenario_member(scenario_member(properties, name), "enum");
    for (size_t i = 0; i < json_object_array_length(list); i++)
        assert_true(known(json_object_get_string(json_object_array_get_idx(list, i))));
}

static bool known_strategy(const char *name)
{
    return strategy_of(name);
}

static bool known_policy(const char *name)
{
    return policy_of(name);
}

static bool known_log_mode(const char *name)
{
    return log_mode_of(name) < LOG_MODES;
}

static bool known_placement(const char *name)
{
    return placement_of(name);
}

/* The defaults of the costs stand in the schema's words. */
static void test_costs(void **state)
{
    (void)state;
    struct scenario_cost costs[OPERATIONS];
    json_object *schema = json_object_from_file("scenarios/scenario.schema.json");
    json_object *node = scenario_member(scenario_member(schema, "properties"), "costs");
    scenario_default_costs(costs);
    for (int i = 0; scenario_edge_operation_at(i); i++) {
        const char *name = scenario_edge_operation_at(i);
        const struct scenario_cost *cost = &costs[operation_of(name)];
        autofree char *text =
            mem_printf("%g ms + %g ms/MB", simtime_to_ms(cost->fixed), simtime_to_ms(cost->per_mb));
        json_object *entry = scenario_member(scenario_member(node, "properties"), name);
        if (!strstr(scenario_word(entry, "description"), text))
            fail_msg("scenario.schema.json: costs.%s is not %s", name, text);
        assert_true(cost->fixed.ns + cost->per_mb.ns > 0 || operation_received(operation_of(name)) != OPERATIONS);
    }
    json_object_put(schema);
}

static void test_schema(void **state)
{
    (void)state;
    json_object *schema = json_object_from_file("scenarios/scenario.schema.json");
    assert_non_null(schema);
    compare_keys(schema, &scenario_keys, schema);
    compare_choices(scenario_member(schema, "properties"), "log", known_log_mode);
    json_object *migration = scenario_member(scenario_member(schema, "properties"), "migration");
    compare_choices(scenario_member(migration, "properties"), "strategy", known_strategy);
    compare_choices(scenario_member(migration, "properties"), "policy", known_policy);
    compare_choices(scenario_member(migration, "properties"), "placement", known_placement);
    json_object_put(schema);
}

static void mention_keys(const char *readme, const struct scenario_keys *keys)
{
    for (int i = 0; i < keys->count; i++) {
        autofree char *quoted = mem_printf("`%s`", keys->at[i].name);
        if (!strstr(readme, quoted))
            fail_msg("scenarios/README.md does not mention %s", quoted);
        if (keys->at[i].children)
            mention_keys(readme, keys->at[i].children);
    }
}

static void parse_example(const char *readme)
{
    struct err e = ERR_INIT;
    const char *start = strstr(readme, "```json\n");
    assert_non_null(start);
    start += strlen("```json\n");
    const char *end = strstr(start, "```");
    struct scenario *s = scenario_parse("README.md", start, (size_t)(end - start), NULL, 0, &e);
    if (!s)
        fail_msg("%s (%s)", e.text, e.hint);
    scenario_free(s);
}

static void test_readme(void **state)
{
    (void)state;
    static char readme[200000];
    autofclose FILE *file = fopen("scenarios/README.md", "r");
    assert_non_null(file);
    readme[fread(readme, 1, sizeof readme - 1, file)] = '\0';
    mention_keys(readme, &scenario_keys);
    parse_example(readme);
    for (int i = 0; metric_at(i); i++)
        if (!strstr(readme, metric_at(i)))
            fail_msg("scenarios/README.md does not mention %s", metric_at(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_readme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
