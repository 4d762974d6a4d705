# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web application: public pages, operator, steward, custody messages, and the demonstration's story."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from custodes.web import custodian_keys, custody, entrance, errors, metrics, tour
from custodes.web.operator import camera, health, live, playback, requests, wall
from custodes.web.operator.viewings import Viewings
from custodes.web.public import disclosures, home, log, register
from custodes.web.rendering import STATIC, Static
from custodes.web.security import Guard
from custodes.web.services import Services
from custodes.web.steward import candidates, reconciling


def create_app(services: Services) -> FastAPI:
    """Put the routes together. Below ``/operator`` and ``/steward`` every router asks for a session of that role."""
    viewings = Viewings(services.store, services.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with viewings.sweeping():
            yield

    app = FastAPI(title="Custodes", lifespan=lifespan, openapi_url=None)
    app.state.services = services
    app.state.viewings = viewings
    app.add_middleware(Guard)
    errors.install(app)
    for part in (home, register, log, disclosures, entrance, custody, custodian_keys, metrics):
        app.include_router(part.router)
    for private in (wall, camera, health, playback, live, requests, candidates, reconciling):
        app.include_router(private.router)
    if services.tour is not None:
        app.include_router(tour.router)
    if STATIC.is_dir():
        app.mount("/static", Static(directory=STATIC), name="static")
    return app
