#ifndef ROAMLAB_VERSION
#define ROAMLAB_VERSION "0.1.0"
#endif
