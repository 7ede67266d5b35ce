#include "path_loss.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const environments[] = {
    [INDOOR_RESIDENTIAL] = "residential", [INDOOR_OFFICE] = "office", [INDOOR_COMMERCIAL] = "commercial"};

/* ITU-R P.1238-7, Tables 2 (N) and 3 (Lf of one, two and three floors); 0 = not given. Residential is an
 * apartment where the tables tell it from a house. */
enum { FLOORS_MAX = 3 };
static const struct indoor_band {
    double from_mhz, to_mhz;
    double power_coefficient[INDOOR_ENVIRONMENTS];
    double floor_loss_db[INDOOR_ENVIRONMENTS][FLOORS_MAX];
} bands[] = {
    {850, 960, {0, 33, 20}, {{0}, {9, 19, 24}, {0}}},
    {1200, 1300, {0, 32, 22}, {{0}, {0}, {0}}},
    {1800, 2000, {28, 30, 22}, {{4, 8, 12}, {15, 19, 23}, {6, 9, 12}}},
    {2400, 2500, {28, 30, 0}, {{10}, {14}, {0}}},
    {3400, 3700, {0, 27, 0}, {{0}, {18, 26}, {0}}},
    {3900, 4200, {0, 28, 22}, {{0}, {0}, {0}}},
    {5150, 5350, {30, 31, 0}, {{13}, {16}, {0}}},
    {5725, 5875, {0, 24, 0}, {{0}, {22, 28}, {0}}},
    {57000, 66000, {0, 22, 17}, {{0}, {0}, {0}}},
};

static int need_positive(double value, const char *name, struct err *e)
{
    return value > 0 && isfinite(value) ? 0 : err_set(e, EINVAL, "%s: must be above 0", name);
}

/* Friis between isotropic antennas. */
static struct path_loss_piece free_space(double frequency_mhz)
{
    double wavelength_m = 299.792458 / frequency_mhz;
    return (struct path_loss_piece){20 * log10(4 * M_PI / wavelength_m), 20};
}

static double piece_db(const struct path_loss_piece *piece, double distance_m)
{
    return piece->at_1m_db + piece->per_decade_db * log10(distance_m);
}

static double piece_range_m(const struct path_loss_piece *piece, double loss_db)
{
    return pow(10, (loss_db - piece->at_1m_db) / piece->per_decade_db);
}

static int free_space_curve(const struct path_loss_options *o, struct path_loss *curve, struct err *e)
{
    (void)e;
    *curve =
        (struct path_loss){.nearest_m = 1, .crossover_m = INFINITY, .near = free_space(o->frequency_mhz)};
    return 0;
}

static int log_distance_curve(const struct path_loss_options *o, struct path_loss *curve, struct err *e)
{
    int status = need_positive(o->exponent, "exponent", e);
    if (status == 0)
        status = need_positive(o->reference_m, "reference_m", e);
    if (status < 0)
        return status;
    struct path_loss_piece friis = free_space(o->frequency_mhz);
    double at_reference = o->reference_loss_db ? o->reference_loss_db : piece_db(&friis, o->reference_m);
    double per_decade = 10 * o->exponent;
    *curve = (struct path_loss){.nearest_m = o->reference_m,
                                .crossover_m = INFINITY,
                                .near = {at_reference - per_decade * log10(o->reference_m), per_decade}};
    return 0;
}

static int two_ray_curve(const struct path_loss_options *o, struct path_loss *curve, struct err *e)
{
    int status = need_positive(o->transmitter_m, "transmitter_m", e);
    if (status == 0)
        status = need_positive(o->receiver_m, "receiver_m", e);
    if (status < 0)
        return status;
    double heights = o->transmitter_m * o->receiver_m, wavelength_m = 299.792458 / o->frequency_mhz;
    *curve = (struct path_loss){.nearest_m = 1,
                                .crossover_m = 4 * M_PI * heights / wavelength_m,
                                .near = free_space(o->frequency_mhz),
                                .far = {-20 * log10(heights), 40}};
    return 0;
}

static const struct indoor_band *band_of(double frequency_mhz)
{
    for (size_t i = 0; i < ARRAY_LEN(bands); i++)
        if (frequency_mhz >= bands[i].from_mhz && frequency_mhz <= bands[i].to_mhz)
            return &bands[i];
    return NULL;
}

static int not_in_tables(const struct path_loss_options *o, const char *what, const char *key, struct err *e)
{
    err_set(e, EINVAL, "%s: ITU-R P.1238 has no %s for %g MHz, %s, %d floors", key, what, o->frequency_mhz,
            environments[o->indoor], o->floors);
    return err_hint(e, "give %s", key);
}

static int power_coefficient(const struct path_loss_options *o, double *n, struct err *e)
{
    const struct indoor_band *band = band_of(o->frequency_mhz);
    *n = o->power_coefficient ? o->power_coefficient : band ? band->power_coefficient[o->indoor] : 0;
    return *n ? 0 : not_in_tables(o, "power loss coefficient", "power_coefficient", e);
}

static int floor_loss(const struct path_loss_options *o, double *loss_db, struct err *e)
{
    const struct indoor_band *band = band_of(o->frequency_mhz);
    *loss_db = o->floor_loss_db;
    if (o->floors == 0 || *loss_db)
        return 0;
    if (band && o->floors > 0 && o->floors <= FLOORS_MAX)
        *loss_db = band->floor_loss_db[o->indoor][o->floors - 1];
    return *loss_db ? 0 : not_in_tables(o, "floor penetration loss", "floor_loss_db", e);
}

static int indoor_curve(const struct path_loss_options *o, struct path_loss *curve, struct err *e)
{
    double n = 0, floors_db = 0;
    int status = power_coefficient(o, &n, e);
    if (status == 0)
        status = floor_loss(o, &floors_db, e);
    if (status == 0)
        status = need_positive(n, "power_coefficient", e);
    if (status < 0)
        return status;
    double at_1m = 20 * log10(o->frequency_mhz) + floors_db - 28;
    *curve = (struct path_loss){.nearest_m = 1, .crossover_m = INFINITY, .near = {at_1m, n}};
    return 0;
}

static const struct path_loss_model models[] = {
    {"log-distance", "a power of the distance, by measured exponent", log_distance_curve},
    {"free-space", "Friis: nothing in the way", free_space_curve},
    {"two-ray", "a direct ray and one from the ground", two_ray_curve},
    {"itu-indoor", "ITU-R P.1238: inside buildings, by kind and floors", indoor_curve},
};

const struct path_loss_model *path_loss_model_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(models) ? &models[i] : NULL;
}

const struct path_loss_model *path_loss_model_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

const char *indoor_environment_name(enum indoor_environment environment)
{
    return environments[environment];
}

enum indoor_environment indoor_environment_of(const char *name)
{
    int i = 0;
    while (i < INDOOR_ENVIRONMENTS && strcmp(environments[i], name) != 0)
        i++;
    return (enum indoor_environment)i;
}

struct path_loss_options path_loss_defaults(void)
{
    return (struct path_loss_options){.model = &models[0],
                                      .frequency_mhz = 2437,
                                      .exponent = 3,
                                      .reference_m = 1,
                                      .transmitter_m = 3,
                                      .receiver_m = 1.5,
                                      .indoor = INDOOR_OFFICE};
}

int path_loss_curve(const struct path_loss_options *o, struct path_loss *curve, struct err *e)
{
    int status = need_positive(o->frequency_mhz, "frequency_mhz", e);
    return status < 0 ? status : o->model->curve(o, curve, e);
}

double path_loss_db(const struct path_loss *curve, double distance_m)
{
    double d = distance_m > curve->nearest_m ? distance_m : curve->nearest_m;
    return piece_db(d < curve->crossover_m ? &curve->near : &curve->far, d);
}

double path_loss_range_m(const struct path_loss *curve, double loss_db)
{
    double range = piece_range_m(&curve->near, loss_db);
    if (range >= curve->crossover_m)
        range = piece_range_m(&curve->far, loss_db);
    return range >= curve->nearest_m ? range : 0;
}
