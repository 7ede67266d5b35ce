#include "testdata.h"

#include "rng.h"

#include <endian.h>
#include <string.h>

const struct testdata_mix testdata_memory = {.text = 1400, .random = 240};
const struct testdata_mix testdata_layer = {.text = 1700, .random = 480};
const struct testdata_mix testdata_base = {.text = 1800, .random = 950};

/* Common words first, because the draw below prefers low numbers. Padded: a word is copied as 16 bytes. */
/* NOLINTBEGIN(bugprone-macro-parentheses): an array of char takes no initialiser in parentheses */
#define WORD(text)                                                                                           \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
static const struct word {
    char text[16];
    uint8_t len;
} words[64] = {
    WORD("the "),         WORD("service "),    WORD("request "),   WORD("= "),         WORD("of "),
    WORD("container "),   WORD("0x"),          WORD("error: "),    WORD("edge "),      WORD("state "),
    WORD("{ \"name\": "), WORD("reply "),      WORD("mobile "),    WORD("return "),    WORD("import "),
    WORD("\", "),         WORD("device "),     WORD("access "),    WORD("point "),     WORD("self."),
    WORD("handoff "),     WORD("buffer "),     WORD("length "),    WORD("if "),        WORD("checkpoint "),
    WORD("restore "),     WORD("def "),        WORD("/usr/lib/"),  WORD("python3"),    WORD(".so"),
    WORD("memory "),      WORD("page "),       WORD("layer "),     WORD("image "),     WORD("network "),
    WORD("None "),        WORD("user "),       WORD("session "),   WORD("timeout "),   WORD("interval "),
    WORD("latency "),     WORD("queue "),      WORD("replay "),    WORD("forward "),   WORD("window "),
    WORD("sequence "),    WORD("version "),    WORD("address "),   WORD("migration "), WORD("server "),
    WORD("connected "),   WORD("closed "),     WORD("static "),    WORD("const "),     WORD("struct "),
    WORD("size "),        WORD("offset "),     WORD("value "),     WORD("frame "),     WORD("position "),
    WORD("detected "),    WORD("confidence "), WORD("threshold "), WORD("update "),
};

static uint64_t draw(uint64_t *stream)
{
    uint64_t value = rng_mix(*stream);
    *stream += 0x9e3779b97f4a7c15u;
    return value;
}

static size_t put(uint8_t *out, size_t room, const char text[16], size_t len)
{
    len = len < room ? len : room;
    memcpy(out, text, room < 16 ? len : 16);
    return len;
}

static size_t put_number(uint8_t *out, size_t room, uint32_t number)
{
    char digits[16] = {(char)('0' + number / 100), (char)('0' + number / 10 % 10), (char)('0' + number % 10),
                       '\n'};
    return put(out, room, digits, 4);
}

/* Lines of seven to ten words and a number. Real files say the same again and again: lines come from a pool
 * of 256 lines; one in four has a number of its own. */
static void fill_text(uint64_t *stream, uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint64_t value = draw(stream);
        uint64_t line = rng_mix(value & 255);
        uint32_t number = (uint32_t)(value >> 10 & 3 ? line >> 50 : value >> 32) % 1000;
        for (unsigned i = 7 + line % 4; i > 0; i--, line >>= 6) {
            const struct word *word = &words[line & (line >> 3 | 7) & 63];
            at += put(out + at, len - at, word->text, word->len);
        }
        at += put_number(out + at, len - at, number);
    }
}

struct record {
    uint64_t object; /* heap pointers: 48 bits, aligned, near each other */
    uint64_t type;
    uint32_t references, length;
    uint64_t next;
};

/* Records as an interpreter's heap holds them, mostly one behind the other: one draw makes one. */
static void fill_records(uint64_t *stream, uint8_t *out, size_t len)
{
    uint64_t heap = 0x00007f5a00000000u + (draw(stream) & 0x3ffe000);
    for (size_t at = 0; at < len; at += sizeof(struct record)) {
        uint64_t value = draw(stream);
        struct record record = {
            .object = htole64(heap + at),
            .type = htole64(0x000055d0b7a01000u + 0x1a0 * (value & value >> 3 & value >> 6 & 7)),
            .references = htole32(1 + (value >> 9 & value >> 11 & value >> 13 & 3)),
            .length = htole32(28),
            .next = htole64(heap + at + 32 + 32 * (value >> 15 & value >> 17 & value >> 19 & 3))};
        memcpy(out + at, &record, len - at < sizeof record ? len - at : sizeof record);
    }
}

static void fill_random(uint64_t *stream, uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = htole64(draw(stream));
        memcpy(out + at, &word, len - at < 8 ? len - at : 8);
    }
}

void testdata_chunk(uint64_t key, const struct testdata_mix *mix, uint8_t out[TESTDATA_CHUNK])
{
    uint64_t stream = rng_mix(key);
    size_t records = TESTDATA_CHUNK - (size_t)mix->text - mix->random;
    fill_text(&stream, out, mix->text);
    fill_records(&stream, out + mix->text, records);
    fill_random(&stream, out + mix->text + records, mix->random);
}

void testdata_base_block(uint64_t seed, uint64_t block, uint8_t out[TESTDATA_BLOCK])
{
    uint64_t key = rng_mix(seed ^ rng_mix(block));
    for (size_t chunk = 0; chunk < TESTDATA_BLOCK / TESTDATA_CHUNK; chunk++)
        testdata_chunk(key + chunk, &testdata_base, out + chunk * TESTDATA_CHUNK);
}
