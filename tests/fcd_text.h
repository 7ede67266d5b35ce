/* What a document of floating car data is made of. */
#ifndef ROAMLAB_FCD_TEXT_H
#define ROAMLAB_FCD_TEXT_H

#define STEP(t, inside) "<timestep time=\"" t "\">" inside "</timestep>"
#define VEHICLE(id, x, y, speed) "<vehicle id=\"" id "\" x=\"" x "\" y=\"" y "\" speed=\"" speed "\"/>"

#endif
