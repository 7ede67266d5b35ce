#include "radio.h"
#include "mem.h"
#include "shadowing.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct radio {
    struct radio_options options;
    struct path_loss curve;
    struct shadowing *shadowing; /* owned; NULL: none */
};

struct radio_options radio_defaults(void)
{
    return (struct radio_options){.path_loss = path_loss_defaults(),
                                  .correlation_m = 20,
                                  .bandwidth_mhz = 20,
                                  .noise_figure_db = 7,
                                  .sensitivity_dbm = -82,
                                  .least_snr_db = 4};
}

static int check(const struct radio_options *o, struct err *e)
{
    if (!(o->shadowing_db >= 0))
        return err_set(e, EINVAL, "shadowing_db: must not be below 0");
    if (!(o->correlation_m >= 0.01))
        return err_set(e, EINVAL, "correlation_m: must be at least 0.01");
    if (!(o->bandwidth_mhz > 0))
        return err_set(e, EINVAL, "bandwidth_mhz: must be above 0");
    return 0;
}

struct radio *radio_open(const struct radio_options *options, uint64_t seed, struct err *e)
{
    struct path_loss curve;
    if (check(options, e) < 0 || path_loss_curve(&options->path_loss, &curve, e) < 0)
        return NULL;
    struct radio *radio = mem_alloc(sizeof *radio);
    *radio = (struct radio){.options = *options, .curve = curve};
    if (options->shadowing_db > 0)
        radio->shadowing = shadowing_open(options->shadowing_db, options->correlation_m, seed);
    return radio;
}

void radio_free(struct radio *radio)
{
    if (radio)
        shadowing_free(radio->shadowing);
    free(radio);
}

double radio_mean_power_dbm(const struct radio *radio, const struct radio_ap *ap, double x_m, double y_m)
{
    double dx = x_m - ap->x_m, dy = y_m - ap->y_m;
    return ap->tx_power_dbm - path_loss_db(&radio->curve, sqrt(dx * dx + dy * dy));
}

const struct shadowing *radio_shadowing(const struct radio *radio)
{
    return radio->shadowing;
}

double radio_power_dbm(const struct radio *radio, const struct radio_ap *ap, double x_m, double y_m)
{
    double power = radio_mean_power_dbm(radio, ap, x_m, y_m);
    if (!radio->shadowing)
        return power;
    struct shadowing_spot spot = shadowing_spot(radio->shadowing, x_m, y_m);
    return power + shadowing_db(radio->shadowing, ap->id, spot, -INFINITY);
}

double radio_range_m(const struct radio *radio, double tx_power_dbm)
{
    double most = radio->shadowing ? shadowing_most_db(radio->shadowing) : 0;
    return path_loss_range_m(&radio->curve, tx_power_dbm + most - radio_least_dbm(radio));
}

double radio_noise_dbm(const struct radio_options *options)
{
    return -174 + 10 * log10(options->bandwidth_mhz * 1e6) + options->noise_figure_db;
}

double radio_least_dbm(const struct radio *radio)
{
    const struct radio_options *o = &radio->options;
    return fmax(o->sensitivity_dbm, radio_noise_dbm(o) + o->least_snr_db);
}
