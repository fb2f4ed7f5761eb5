#include "core/cursor.h"
