# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web application: public pages, operator, steward, custody messages, and the demonstration's story."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI

from custodes.node.queries.hidden import BarWatch
from custodes.web import custodian_keys, custody, entrance, errors, metrics, tour
from custodes.web.operator import camera, health, hiding, live, playback, requests, wall
from custodes.web.operator.gate import Gate
from custodes.web.operator.viewings import Viewings
from custodes.web.public import disclosures, home, log, register
from custodes.web.rendering import STATIC, Static
from custodes.web.security import Guard
from custodes.web.services import Services
from custodes.web.steward import candidates, hidden, reconciling, subjects


def create_app(services: Services) -> FastAPI:
    """Put the routes together. Below ``/operator`` and ``/steward`` every router asks for a session of that role."""
    viewings = Viewings(services.store, services.clock)
    gate = Gate(services.feeds, BarWatch(services.store), services.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with gate.looking(), viewings.sweeping():
            yield

    app = FastAPI(title="Custodes", lifespan=lifespan, openapi_url=None)
    # Nothing reaches the feeds but through the gate.
    app.state.services = replace(services, feeds=gate)
    app.state.gate = gate
    app.state.viewings = viewings
    app.add_middleware(Guard)
    errors.install(app)
    for part in (home, register, log, disclosures, entrance, custody, custodian_keys, metrics):
        app.include_router(part.router)
    steward = (candidates, hidden, reconciling, subjects)
    for private in (wall, camera, health, playback, live, hiding, requests, *steward):
        app.include_router(private.router)
    if services.tour is not None:
        app.include_router(tour.router)
    if STATIC.is_dir():
        app.mount("/static", Static(directory=STATIC), name="static")
    return app
